import { DateTime } from 'luxon'
import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'

const clock = (time: DateTime): string => time.toFormat('HH:mm')
const now = DateTime.utc()
const quietEnd = now.plus({ hours: 2 }).startOf('minute')
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: {
      start: clock(now.minus({ minutes: 5 })),
      end: clock(quietEnd),
      timezone: 'UTC',
      channels: ['email'],
      spread: '0s',
    },
  },
  env: { LOG_LEVEL: 'debug', WEBHOOK_ALLOW_PRIVATE: 'true', RATE_LIMIT_ENABLED: 'true' },
})
const service = await daemon.sender()
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString()

t.test('scheduled: never early, and soon', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const times = Array.from({ length: 30 }, (_, n) => Date.now() + 1_500 + 37 * n)
  const ids = await Promise.all(
    times.map((time) => service.accepted({ ...receiver.target, scheduled_at: new Date(time).toISOString() })),
  )
  await receiver.until(() => receiver.counts.size === ids.length, 'all of them')
  const late = await Promise.all(ids.map(async (id, n) => (await receiver.got(id)).at - Number(times[n])))
  t.same(
    late.filter((ms) => ms < 0),
    [],
    'none early',
  )
  late.sort((a, b) => a - b)
  t.ok(Number(late[15]) < 1_000, `the median is ${late[15]} ms late`)
  t.equal(receiver.duplicates, 0)
})

t.test('cancelled and moved', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const soon = { ...receiver.target, scheduled_at: inMs(1_500) }
  const [cancelled, later, earlier] = await Promise.all([
    service.accepted(soon),
    service.accepted(soon),
    service.accepted({ ...receiver.target, scheduled_at: inMs(3_600_000) }),
  ])
  t.match((await service.post(`/api/v1/notifications/${cancelled}/cancel`)).body, { status: 'cancelled' })
  const away = await service.post(`/api/v1/notifications/${later}/reschedule`, {
    scheduled_at: inMs(3_600_000),
  })
  t.match(away.body, { status: 'pending' })
  const movedTo = Date.now() + 2_500
  await service.post(`/api/v1/notifications/${earlier}/reschedule`, {
    scheduled_at: new Date(movedTo).toISOString(),
  })
  const { at } = await receiver.got(earlier)
  t.ok(at >= movedTo, 'not before its new time')
  t.same([receiver.times(cancelled), receiver.times(later)], [0, 0], 'their old time has passed')
  t.match(await service.detail(cancelled), { status: 'cancelled' })
  t.match(await service.detail(later), { status: 'pending', reason: 'scheduled' })
  const again = await service.post(`/api/v1/notifications/${earlier}/cancel`)
  t.same([again.status, again.problem.code], [409, 'conflict'])
})

t.test('quiet hours defer, and critical passes', async (t) => {
  const mail = { channel: 'email', metadata: { email: `${MARK}@example.org` } }
  const { body } = await service.send(mail)
  t.match(body, {
    status: 'pending',
    reason: 'quiet_hours',
    deferred_until: quietEnd.toJSDate().toISOString(),
  })
  t.match(await service.detail(body.id), { status: 'pending', reason: 'quiet_hours', attempts: [] })
  const critical = await service.accepted({ ...mail, priority: 'critical' })
  t.match(await service.final(critical), { status: 'sent' })
})

t.test('the 101st in an hour is suppressed', async (t) => {
  const statuses: string[] = []
  const hour = () => Math.floor(Date.now() / 3_600_000)
  let began = hour()
  do {
    // At the turn of the hour the count begins anew.
    began = hour()
    const user = `limited-${began}`
    statuses.length = 0
    for (let n = 0; n < 101; n += 1) statuses.push((await service.send({ user_id: user })).body.status)
    if (began === hour()) {
      const { body } = await service.send({ user_id: user })
      t.match(body, { status: 'suppressed', reason: 'rate_limited' })
      t.match(await service.detail(body.id), { status: 'suppressed', reason: 'rate_limited' })
      t.match((await service.send({ user_id: user, priority: 'critical' })).body, { status: 'sent' })
    }
  } while (began !== hour())
  t.same(statuses, [...Array(100).fill('sent'), 'suppressed'])
})

t.test('the log', async (t) => checkLog(t, daemon))
