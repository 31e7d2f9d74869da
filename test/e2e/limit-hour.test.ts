import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { checkLog } from '../support/marks.js'
import { startTimeTravel } from '../support/time-travel.js'
import { eventually } from '../support/waiting.js'

const LIMIT = 3
const HALF_PAST = Date.parse('2031-05-06T12:30:00Z')
const SHORTLY_BEFORE = Date.parse('2031-05-06T12:59:45Z')
const FULL_HOUR = Date.parse('2031-05-06T13:00:00Z')
/** What the clocks of the daemon and of PostgreSQL may differ by. */
const DIFFERENCE_MS = 500

t.test('a limit reached and lifted at the hour', async (t) => {
  const travel = await startTimeTravel(t, HALF_PAST)
  const daemon = await startDaemon(t, {
    config: {
      rate_limit: { enabled: true, max_per_user_per_hour: LIMIT },
      quiet_hours: { enabled: false },
    },
    env: travel.stack.env,
  })
  const service = await daemon.sender()
  const send = async () => service.detail(await service.accepted({}))
  const sendMany = async (count: number) => {
    const details = []
    while (details.length < count) details.push(await send())
    return details
  }
  const sent = { status: 'sent', reason: null }
  const limited = { status: 'suppressed', reason: 'rate_limited' }
  const upToTheLimit = [...Array.from({ length: LIMIT }, () => sent), limited]

  t.match(await sendMany(LIMIT + 1), upToTheLimit, 'the fourth is suppressed')
  t.match(await service.detail(await service.accepted({ user_id: 'bob' })), sent, 'of this user alone')

  await travel.to(SHORTLY_BEFORE, daemon)
  const tried: Awaited<ReturnType<typeof send>>[] = []
  const lifted = await eventually(async () => {
    const detail = await send()
    if (detail.status === 'sent') return detail
    tried.push(detail)
    return false
  }, 'the hour to turn')
  t.ok(Date.parse(lifted.created_at) > FULL_HOUR - DIFFERENCE_MS, `sent at ${lifted.created_at}`)
  const last = tried.at(-1)?.created_at ?? 'never'
  t.ok(Date.parse(last) < FULL_HOUR + DIFFERENCE_MS, `suppressed until then: last ${last}`)
  t.match(
    tried,
    tried.map(() => limited),
  )
  t.match(await sendMany(LIMIT), upToTheLimit.slice(1), 'and the new hour has the same limit')
  checkLog(t, daemon)
})
