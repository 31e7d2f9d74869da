import fc from 'fast-check'
import { DateTime } from 'luxon'
import t from 'tap'
import { digestBoundary } from '../../src/model/digest.js'
import { at, DAY, HOUR, NIGHTS, walk, wallClock, zonedInstants } from './wall-clock.js'

const HOURS = { dailyAt: 9 * 60, weeklyOn: 1 }
const minuteOfDay = fc.integer({ min: 0, max: 1_439 })
const weekday = fc.integer({ min: 1, max: 7 })

/** Every boundary after an instant and up to another. */
function boundaries(next: (now: number) => number, from: number, to: number): readonly number[] {
  const found: number[] = []
  for (let boundary = next(from); boundary <= to; boundary = next(boundary)) found.push(boundary)
  return found
}

t.test('at the next full hour of the wall clock', async (t) => {
  const next = (zone: string, now: number): number => digestBoundary('hourly', zone, now, HOURS)
  t.equal(next('Asia/Shanghai', Date.parse('2026-03-10T10:00Z')), Date.parse('2026-03-10T11:00Z'))
  t.equal(next('Asia/Shanghai', Date.parse('2026-03-10T09:59:59.999Z')), Date.parse('2026-03-10T10:00Z'))
  t.equal(next('Asia/Kathmandu', Date.parse('2026-03-10T10:00Z')), Date.parse('2026-03-10T10:15Z'))
})

t.test('once a day, once a week', async (t) => {
  const zone = 'Asia/Shanghai'
  const tuesday = at('2026-03-10T08:59', zone)
  t.equal(digestBoundary('daily', zone, tuesday, HOURS), at('2026-03-10T09:00', zone))
  t.equal(digestBoundary('daily', zone, at('2026-03-10T09:00', zone), HOURS), at('2026-03-11T09:00', zone))
  t.equal(digestBoundary('weekly', zone, tuesday, HOURS), at('2026-03-16T09:00', zone))
  t.equal(digestBoundary('weekly', zone, at('2026-03-16T08:59', zone), HOURS), at('2026-03-16T09:00', zone))
  t.equal(digestBoundary('weekly', zone, at('2026-03-16T09:00', zone), HOURS), at('2026-03-23T09:00', zone))
})

t.test('on the nights when clocks change', async (t) => {
  const half = { dailyAt: 2 * 60 + 30, weeklyOn: 7 }
  const zone = 'Europe/Berlin'
  for (const frequency of ['daily', 'weekly'] as const) {
    const next = (now: number): number => digestBoundary(frequency, zone, now, half)
    const gap = Date.parse('2026-03-29T01:00Z')
    t.equal(next(gap - 1), gap, 'a time that is left out comes right after the gap')
    t.ok(next(gap) >= at('2026-03-30T02:30', zone), 'and only there')
    const first = Date.parse('2026-10-25T00:30Z')
    t.equal(next(first - 1), first, 'of two the first')
    t.ok(next(first) >= at('2026-10-26T02:30', zone), 'and not the second')
    t.ok(next(first + HOUR - 1) >= at('2026-10-26T02:30', zone), 'whatever is asked in between')
  }
})

t.test('hourly: every instant at which the wall clock shows a full hour, and no other', async () => {
  fc.assert(
    fc.property(
      zonedInstants,
      ([zone, now]) =>
        digestBoundary('hourly', zone, now, HOURS) ===
        walk(now + 1, 3 * HOUR, (minute) => wallClock(zone, minute).minute % 60 === 0),
    ),
    { numRuns: 3_000 },
  )
})

/** The first minute of a local day at which the wall clock shows a time or, where that is left out, a later one. */
function expectedOn(date: string, zone: string, dailyAt: number): number | null {
  const noon = at(`${date}T12:00`, zone)
  return walk(noon - 14 * HOUR, 2 * DAY, (minute) => {
    const shown = wallClock(zone, minute)
    return shown.date > date || (shown.date === date && shown.minute >= dailyAt)
  })
}

t.test('daily: exactly one for each local day', async () => {
  const check = (zone: string, from: number, dailyAt: number): boolean => {
    const days = 5
    const noon = DateTime.fromMillis(from, { zone }).set({ hour: 12 })
    const expected = Array.from({ length: days }, (_, day) =>
      expectedOn(noon.plus({ days: day }).toFormat('yyyy-MM-dd'), zone, dailyAt),
    )
    const [first, last] = [expected.at(0), expected.at(-1)]
    if (first === undefined || first === null || last === undefined || last === null) return false
    const found = boundaries(
      (now) => digestBoundary('daily', zone, now, { dailyAt, weeklyOn: 1 }),
      first - 1,
      last,
    )
    return `${found}` === `${expected}`
  }
  fc.assert(
    fc.property(zonedInstants, minuteOfDay, ([zone, now], dailyAt) => check(zone, now, dailyAt)),
    { numRuns: 200 },
  )
  for (const [zone, nights] of Object.entries(NIGHTS))
    for (const night of nights)
      fc.assert(
        // The times around the change, by the wall clock of either side.
        fc.property(fc.integer({ min: -120, max: 120 }), (minutes) =>
          check(zone, night - 2 * DAY, (((wallClock(zone, night).minute + minutes) % 1_440) + 1_440) % 1_440),
        ),
        { numRuns: 30 },
      )
})

t.test('the next one is the same, whenever it is asked for since the last', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('hourly' as const, 'daily' as const, 'weekly' as const),
      zonedInstants,
      fc.record({ dailyAt: minuteOfDay, weeklyOn: weekday }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (frequency, [zone, now], hours, share) => {
        const last = digestBoundary(frequency, zone, now, hours)
        const next = digestBoundary(frequency, zone, last, hours)
        const between = last + Math.floor((next - last) * share)
        return digestBoundary(frequency, zone, between, hours) === next
      },
    ),
    { numRuns: 3_000 },
  )
})

t.test('weekly: those of the daily ones that belong to the weekday', async () => {
  fc.assert(
    fc.property(zonedInstants, minuteOfDay, weekday, ([zone, now], dailyAt, weeklyOn) => {
      const hours = { dailyAt, weeklyOn }
      const weekly = digestBoundary('weekly', zone, now, hours)
      const daily = boundaries((instant) => digestBoundary('daily', zone, instant, hours), now, now + 9 * DAY)
      // At the end of a day that is left out it comes at the next midnight: look back a little.
      const belongs = (boundary: number): boolean => {
        const shown = DateTime.fromMillis(boundary, { zone })
        const meant = shown.hour * 60 + shown.minute < dailyAt ? shown.minus({ hours: 2 }) : shown
        return meant.weekday === weeklyOn
      }
      return weekly > now && weekly === daily.find(belongs)
    }),
    { numRuns: 1_000 },
  )
})
