import fc from 'fast-check'
import t from 'tap'
import { coversTheDay, overlapping, quietUntil } from '../../src/model/quiet-hours.js'
import type { QuietWindow } from '../../src/model/recipient.js'
import { at, DAY, NIGHTS, walk, wallClock, zonedInstants } from './wall-clock.js'

const window = (text: string): QuietWindow => {
  const [start = 0, end = 0] = text.split('-').map((time) => {
    const [hours, minutes] = time.split(':').map(Number)
    return Number(hours) * 60 + Number(minutes)
  })
  return { start, end }
}
const windows = (...texts: readonly string[]): readonly QuietWindow[] => texts.map(window)
const minuteOfDay = fc.integer({ min: 0, max: 1_439 })
const someWindows = fc.array(fc.record({ start: minuteOfDay, end: minuteOfDay }), { maxLength: 4 })

const isQuiet = (all: readonly QuietWindow[], minute: number): boolean =>
  all.some(({ start, end }) =>
    start < end ? start <= minute && minute < end : start > end && (minute >= start || minute < end),
  )
const everyMinute = Array.from({ length: 1_440 }, (_, minute) => minute)

t.test('the night spans midnight', async (t) => {
  const zone = 'Asia/Shanghai'
  const night = windows('22:00-08:00')
  t.equal(quietUntil(night, zone, at('2026-03-10T21:59:59.999', zone)), null)
  t.equal(quietUntil(night, zone, at('2026-03-10T22:00', zone)), at('2026-03-11T08:00', zone))
  t.equal(quietUntil(night, zone, at('2026-03-11T07:59:59.999', zone)), at('2026-03-11T08:00', zone))
  t.equal(quietUntil(night, zone, at('2026-03-11T08:00', zone)), null)
})

t.test('several windows, one following on another', async (t) => {
  const zone = 'Europe/Berlin'
  const noon = windows('13:00-14:30', '22:00-06:00', '12:00-13:00')
  t.equal(quietUntil(noon, zone, at('2026-03-10T12:10', zone)), at('2026-03-10T14:30', zone))
  t.equal(quietUntil(noon, zone, at('2026-03-10T14:30', zone)), null)
  t.equal(quietUntil(noon, zone, at('2026-03-10T23:30', zone)), at('2026-03-11T06:00', zone))
})

t.test('no window', async (t) => {
  t.equal(quietUntil([], 'UTC', at('2026-03-10T08:00', 'UTC')), null)
  t.equal(quietUntil(windows('08:00-08:00'), 'UTC', at('2026-03-10T08:00', 'UTC')), null)
})

t.test('windows that leave nothing free have no end', async (t) => {
  t.equal(quietUntil(windows('08:00-20:00', '20:00-08:00'), 'UTC', at('2026-03-10T08:00', 'UTC')), null)
})

t.test('a zone that does not exist is told', async (t) => {
  t.throws(() => quietUntil(windows('08:00-20:00'), 'Mars/Olympus', 0), RangeError)
})

t.test('on the nights when clocks change', async (t) => {
  const zone = 'Europe/Berlin'
  const night = windows('22:00-02:30')
  const gap = Date.parse('2026-03-29T01:00Z')
  t.equal(quietUntil(night, zone, gap - 1), gap, '02:30 is left out: from 03:00 on it is not quiet')
  const firstPass = Date.parse('2026-10-25T00:10Z')
  t.equal(quietUntil(night, zone, firstPass), Date.parse('2026-10-25T00:30Z'), '02:10')
  t.equal(quietUntil(night, zone, firstPass + 60 * 60_000), Date.parse('2026-10-25T01:30Z'), '02:10 again')
  const freeInTheGap = windows('02:45-02:15')
  t.equal(
    quietUntil(freeInTheGap, zone, gap - 1),
    at('2026-03-30T02:15', zone),
    'the only free time is left out, so the next day has it',
  )
})

t.test('it is the next minute that is not quiet by the wall clock', async () => {
  const check = (all: readonly QuietWindow[], zone: string, now: number): boolean => {
    const quietAt = (instant: number): boolean => isQuiet(all, wallClock(zone, instant).minute)
    const expected = quietAt(now) ? walk(now, 2 * DAY, (minute) => !quietAt(minute)) : null
    return quietUntil(all, zone, now) === expected
  }
  fc.assert(
    fc.property(someWindows, zonedInstants, (all, [zone, now]) => check(all, zone, now)),
    { numRuns: 2_000 },
  )
  for (const [zone, nights] of Object.entries(NIGHTS))
    fc.assert(
      fc.property(
        someWindows,
        fc.constantFrom(...nights),
        fc.integer({ min: -DAY, max: DAY }),
        (all, night, far) => check(all, zone, night + far),
      ),
    )
})

t.test('it is never longer than the windows and a change of the clocks', async () => {
  const shift = 60
  fc.assert(
    fc.property(someWindows, zonedInstants, (all, [zone, now]) => {
      const until = quietUntil(all, zone, now)
      const quietMinutes = everyMinute.filter((minute) => isQuiet(all, minute)).length
      // Where an hour is left out, so can be the only free one.
      const free = 1_440 - quietMinutes
      const longest = quietMinutes + shift + (free <= shift ? 1_440 : 0)
      return until === null || (until > now && until - now <= longest * 60_000)
    }),
    { numRuns: 2_000 },
  )
})

t.test('windows that overlap are named', async (t) => {
  t.same(overlapping(windows('12:00-13:00', '22:00-06:00', '05:59-07:00')), [1, 2])
  t.same(overlapping(windows('12:00-14:00', '12:30-13:00')), [0, 1])
  t.same(overlapping(windows('12:00-14:00', '12:00-14:00')), [0, 1])
  t.same(overlapping(windows('23:00-01:00', '22:00-00:30')), [0, 1])
  t.equal(overlapping(windows('12:00-13:00', '13:00-14:00', '22:00-06:00', '06:00-07:00')), null)
  t.equal(overlapping(windows('12:00-13:00', '12:30-12:30')), null, 'equal start and end are no window')
  t.equal(overlapping([]), null)
})

t.test('windows overlap when a minute is in both', async () => {
  fc.assert(
    fc.property(someWindows, (all) => {
      const shared = (one: QuietWindow, other: QuietWindow): boolean =>
        everyMinute.some((minute) => isQuiet([one], minute) && isQuiet([other], minute))
      const pairs = all.flatMap((other, second) =>
        all.slice(0, second).flatMap((one, first) => (shared(one, other) ? [[first, second]] : [])),
      )
      const found = overlapping(all)
      return found === null ? pairs.length === 0 : pairs.some((pair) => `${pair}` === `${found}`)
    }),
    { numRuns: 500 },
  )
})

t.test('windows cover the day when every minute is in one', async (t) => {
  t.ok(coversTheDay(windows('08:00-20:00', '20:00-08:00')))
  t.ok(coversTheDay([{ start: 0, end: 1_440 }]))
  t.notOk(coversTheDay(windows('08:00-20:00', '20:01-08:00')))
  t.notOk(coversTheDay(windows('08:00-08:00')))
  t.notOk(coversTheDay([]))
  const chained = fc
    .uniqueArray(minuteOfDay, { minLength: 2, maxLength: 5 })
    .map((bounds) => bounds.map((start, index) => ({ start, end: bounds[(index + 1) % bounds.length] ?? 0 })))
  fc.assert(
    fc.property(
      fc.oneof(someWindows, chained),
      (all) => coversTheDay(all) === everyMinute.every((minute) => isQuiet(all, minute)),
    ),
    { numRuns: 1_000 },
  )
})
