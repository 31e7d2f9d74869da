import t from 'tap'
import { FILE_TIMEOUT_MS } from '../support/chaos.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'
import { Gate } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const IN_FLIGHT = 5
/** So long that neither worker gives up on a request because the machine is busy: that would be a duplicate as well. */
const TIMEOUT_S = 10

t.test('a worker that slept longer than its lease', async (t) => {
  const gate = new Gate()
  const receiver = await WebhookReceiver.start(t, async (_, time) => {
    if (time === 1) await gate.opened
    return time === 1 ? 500 : 200
  })
  const stack = await startStack(t)
  const sleeper = await startHasty(t, stack, { slots: IN_FLIGHT, timeout: TIMEOUT_S })
  const service = await sleeper.sender()
  const ids = await Promise.all(
    Array.from({ length: 4 * IN_FLIGHT }, () => service.accepted(receiver.target)),
  )
  await receiver.until(() => receiver.requests.length === IN_FLIGHT, 'what the first worker has claimed')
  sleeper.signal('SIGSTOP')
  const awake = Date.now() - Math.min(...receiver.requests.map(({ at }) => at))
  t.ok(awake < TIMEOUT_S * 1_000, `asleep ${awake} ms after the first request, before it gave up on any`)
  const claimed = receiver.requests.map(({ id }) => id)

  // Before the second worker begins: what it sends must not be kept waiting.
  receiver.behaviour = () => 200
  const other = await startHasty(t, stack, { slots: IN_FLIGHT, timeout: TIMEOUT_S })
  const auditor = await other.sender()
  for (const id of ids) t.match(await auditor.final(id), { status: 'sent' })
  t.same(
    claimed.map((id) => receiver.times(id)),
    claimed.map(() => 2),
    'the second worker sent them again',
  )
  t.equal(receiver.duplicates, IN_FLIGHT, 'and nothing else twice')

  // The first one wakes to a refusal that it must not record.
  const before = await Promise.all(ids.map((id) => auditor.detail(id)))
  await other.term()
  sleeper.signal('SIGCONT')
  gate.open()
  const more = await Promise.all(ids.map(() => service.accepted(receiver.target)))
  for (const id of more) t.match(await service.final(id), { status: 'sent' }, 'it works again')
  t.same(await Promise.all(ids.map((id) => service.detail(id))), before, 'and has changed nothing')
  t.same(
    before.filter(({ id }) => claimed.includes(id)).map(({ attempts }) => attempts.length),
    claimed.map(() => 1),
  )
  t.equal(receiver.duplicates, IN_FLIGHT)
  checkLog(t, sleeper, other)
})
