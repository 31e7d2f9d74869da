import fc from 'fast-check'
import t from 'tap'
import { firstInstantOf, isTimeZone, spanAt } from '../../src/model/local-time.js'
import { at, HOUR, MINUTE, wallClock, zonedInstants } from './wall-clock.js'

t.test('a span has the offset of its zone from its first to its last moment', async () => {
  fc.assert(
    fc.property(zonedInstants, ([zone, instant]) => {
      const { from, to, offset } = spanAt(zone, instant)
      const shown = (moment: number): boolean =>
        Math.floor((moment + offset) / MINUTE) % 1_440 === wallClock(zone, moment).minute
      return from <= instant && instant < to && shown(from) && shown(instant) && shown(to - 1)
    }),
    { numRuns: 1_000 },
  )
})

t.test('the first of two instants, and the end of a gap', async (t) => {
  const zone = 'Australia/Lord_Howe'
  t.equal(firstInstantOf(zone, Date.parse('2026-04-05T01:45Z')), Date.parse('2026-04-04T14:45Z'))
  t.equal(firstInstantOf(zone, Date.parse('2026-10-04T02:10Z')), Date.parse('2026-10-03T15:30Z'))
  t.equal(firstInstantOf(zone, Date.parse('2026-10-04T02:30Z')), Date.parse('2026-10-03T15:30Z'))
  t.equal(
    firstInstantOf('Pacific/Kiritimati', Date.parse('2026-10-04T00:00Z')),
    at('2026-10-04', 'Pacific/Kiritimati'),
  )
  t.equal(firstInstantOf('Etc/GMT+12', Date.parse('2026-10-04T00:00Z')), Date.parse('2026-10-04T12:00Z'))
})

t.test('offsets that are no full minutes, long ago', async (t) => {
  t.equal(spanAt('Europe/Amsterdam', Date.parse('1874-12-07')).offset, 17.5 * MINUTE)
  t.equal(spanAt('America/St_Johns', Date.parse('2026-01-01')).offset, -3.5 * HOUR)
})

t.test('names of zones', async (t) => {
  for (const name of ['Asia/Shanghai', 'UTC', 'Etc/GMT+12', 'America/Argentina/Buenos_Aires'])
    t.ok(isTimeZone(name), name)
  for (const name of ['', 'Mars/Olympus', 'Shanghai', '../etc']) t.notOk(isTimeZone(name), name)
})
