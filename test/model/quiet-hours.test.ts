import fc from 'fast-check'
import { DateTime } from 'luxon'
import t from 'tap'
import { quietUntil } from '../../src/model/quiet-hours.js'

const ZONES = [
  'Asia/Shanghai',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'UTC',
  'Asia/Kathmandu',
]
const at = (text: string, zone: string): number => DateTime.fromISO(text, { zone }).toMillis()

t.test('the night spans midnight', async (t) => {
  const hours = { start: 22 * 60, end: 8 * 60, timezone: 'Asia/Shanghai' }
  t.equal(quietUntil(hours, at('2026-03-10T21:59:59.999', hours.timezone)), null)
  t.equal(quietUntil(hours, at('2026-03-10T22:00', hours.timezone)), at('2026-03-11T08:00', hours.timezone))
  t.equal(quietUntil(hours, at('2026-03-11T07:59', hours.timezone)), at('2026-03-11T08:00', hours.timezone))
  t.equal(quietUntil(hours, at('2026-03-11T08:00', hours.timezone)), null)
})

t.test('a window within one day', async (t) => {
  const hours = { start: 13 * 60, end: 14 * 60 + 30, timezone: 'Europe/Berlin' }
  t.equal(quietUntil(hours, at('2026-03-10T13:10', hours.timezone)), at('2026-03-10T14:30', hours.timezone))
  t.equal(quietUntil(hours, at('2026-03-10T14:30', hours.timezone)), null)
})

t.test('equal start and end mean that there is none', async (t) => {
  t.equal(quietUntil({ start: 480, end: 480, timezone: 'UTC' }, at('2026-03-10T08:00', 'UTC')), null)
})

t.test('in every zone, on every day of the year: the end is later, within a day, and not quiet', async () => {
  const year = { min: at('2026-01-01', 'UTC'), max: at('2027-01-01', 'UTC') }
  fc.assert(
    fc.property(
      fc.integer(year),
      fc.integer({ min: 0, max: 1439 }),
      fc.integer({ min: 0, max: 1439 }),
      fc.constantFrom(...ZONES),
      (now, start, end, timezone) => {
        const until = quietUntil({ start, end, timezone }, now)
        if (until === null) return true
        return (
          until > now && until - now <= 26 * 3_600_000 && quietUntil({ start, end, timezone }, until) === null
        )
      },
    ),
    { numRuns: 3_000 },
  )
})

t.test('on the nights when clocks change', async (t) => {
  const berlin = { start: 22 * 60, end: 2 * 60 + 30, timezone: 'Europe/Berlin' }
  t.equal(
    quietUntil(berlin, at('2026-03-29T01:59', 'Europe/Berlin')),
    at('2026-03-29T03:30', 'Europe/Berlin'),
  )
  const firstPass = at('2026-10-25T00:10', 'UTC')
  const secondPass = at('2026-10-25T01:10', 'UTC')
  t.equal(quietUntil(berlin, secondPass), at('2026-10-25T01:30', 'UTC'), '02:10 for the second time')
  t.ok(
    [at('2026-10-25T00:30', 'UTC'), at('2026-10-25T01:30', 'UTC')].includes(
      quietUntil(berlin, firstPass) ?? 0,
    ),
  )
})
