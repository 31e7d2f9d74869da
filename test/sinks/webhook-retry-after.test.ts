import fc from 'fast-check'
import t from 'tap'
import { retryAfterMs } from '../../src/sinks/webhook/retry-after.js'

const NOW = Date.parse('2026-03-01T12:00:00Z')

t.test('seconds, dates, and what is neither', async (t) => {
  const cases: [string | undefined, number | null][] = [
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['3600', 3_600_000],
    ['999999999999', 3_600_000],
    ['Sun, 01 Mar 2026 12:01:00 GMT', 60_000],
    ['Sunday, 01-Mar-26 12:01:00 GMT', 60_000],
    ['Sun Mar  1 12:01:00 2026', 60_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['Mon, 02 Mar 2026 12:00:00 GMT', 3_600_000],
    ['', null],
    ['-5', null],
    ['1.5', null],
    ['soon', null],
    ['2026-03-01T12:01:00Z', null],
    [undefined, null],
  ]
  for (const [value, expected] of cases) t.equal(retryAfterMs(value, NOW), expected, String(value))
})

t.test('always between nothing and an hour', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      ),
      (text) => {
        const wait = retryAfterMs(text, NOW)
        return wait === null || (wait >= 0 && wait <= 3_600_000)
      },
    ),
  )
})
