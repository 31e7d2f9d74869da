import t from 'tap'
import { answerSlowly, FILE_TIMEOUT_MS } from '../support/chaos.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { MODES, startHasty } from '../support/stack.js'

t.setTimeout(FILE_TIMEOUT_MS)

for (const [mode, start] of Object.entries(MODES)) {
  t.test(`SIGTERM under load, ${mode}`, async (t) => {
    const receiver = await WebhookReceiver.start(t, answerSlowly)
    const daemon = await startHasty(t, await start(t), { slots: 10 })
    const service = await daemon.sender()
    const token = await daemon.token('ada', ['user'])
    const devices = await Promise.all([1, 2, 3].map(() => Device.connect(t, daemon.url, token)))
    const load = new Load(service, receiver.target, 8)
    await load.more(200)

    const began = performance.now()
    t.same(await daemon.term(), { code: 0, signal: null }, 'it ends by itself')
    const took = performance.now() - began
    t.ok(took < 20_000, `within the deadline: ${Math.round(took)} ms`)
    for (const device of devices) t.same(await device.end(), { code: 1001, reason: 'going away' })

    await load.stop()
    await daemon.restart()
    const counts = await outcomes(service, 'ada', load.accepted)
    t.same(counts, { sent: load.accepted.size }, 'nothing is lost')
    t.equal(receiver.duplicates, 0, 'nothing came twice')
    t.same(
      [...load.accepted].filter((id) => receiver.times(id) !== 1),
      [],
    )
    checkLog(t, daemon)
  })
}
