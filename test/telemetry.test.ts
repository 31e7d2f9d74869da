import t from 'tap'
import { recordedTelemetry } from './support/telemetry.js'

t.test('a line names its event, its level and its ids', async (t) => {
  const { log, lines } = recordedTelemetry()
  log.event('notification.sent', {
    notification_id: 'n1',
    tenant_id: 't1',
    channel: 'email',
    trace_id: 'abc',
  })
  t.match(lines, [
    { event: 'notification.sent', level: 'info', notification_id: 'n1', tenant_id: 't1', trace_id: 'abc' },
  ])
})

t.test('personal data and secrets are not written, should a caller ever pass them', async (t) => {
  const { log, lines } = recordedTelemetry()
  const err = Object.assign(new Error('no'), { email: 'ada@example.org', token: 'abc' })
  log.event('http.request_failed', {
    email: 'ada@example.org',
    authorization: 'Bearer abc',
    title: 'Secret',
    err,
  })
  t.notMatch(JSON.stringify(lines), /ada@|Bearer|Secret|abc/)
})

t.test('an error is written with its causes', async (t) => {
  const { log, lines } = recordedTelemetry()
  log.event('stage.failed', { err: new Error('outer', { cause: new TypeError('inner') }) })
  t.match(lines, [{ err: { message: 'outer', cause: { type: 'TypeError', message: 'inner' } } }])
})

t.test('the level can be changed while it runs', async (t) => {
  const { log, lines } = recordedTelemetry()
  log.level = 'warn'
  log.event('notification.sent')
  log.level = 'debug'
  log.event('notification.accepted')
  t.same(
    lines.map(({ event }) => event),
    ['notification.accepted'],
  )
})
