import t from 'tap'
import { answerSlowly, FILE_TIMEOUT_MS, KILLS } from '../support/chaos.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { MODES, startHasty } from '../support/stack.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SLOTS = 20

for (const [mode, start] of Object.entries(MODES)) {
  t.test(`killed ${KILLS} times in a burst, ${mode}`, async (t) => {
    const receiver = await WebhookReceiver.start(t, answerSlowly)
    const daemon = await startHasty(t, await start(t), { slots: SLOTS })
    const service = await daemon.sender()
    const load = new Load(service, receiver.target, 8)
    for (let kill = 0; kill < KILLS; kill += 1) {
      await load.more(150)
      const before = receiver.counts.size
      await receiver.until(() => receiver.counts.size >= before + 50, '50 more')
      await daemon.kill9()
      await daemon.restart()
    }
    await load.more(50)
    await load.stop()

    const counts = await outcomes(service, 'ada', load.accepted)
    t.same(counts, { sent: load.accepted.size }, 'every one that was accepted is sent')
    const missing = [...load.accepted].filter((id) => receiver.times(id) === 0)
    t.same(missing, [], 'and was received')
    t.ok(receiver.duplicates <= KILLS * SLOTS, `${receiver.duplicates} twice`)
    t.comment(
      `${load.accepted.size} accepted, ${receiver.duplicates} received twice, of at most ${KILLS * SLOTS}`,
    )
    checkLog(t, daemon)
  })
}
