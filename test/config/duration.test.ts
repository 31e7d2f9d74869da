import fc from 'fast-check'
import t from 'tap'
import { parseDuration, writeDuration } from '../../src/config/duration.js'
import { parseSize } from '../../src/config/size.js'

t.test('durations are milliseconds', async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ]
  for (const [text, ms] of cases) t.equal(parseDuration(text), ms, text)
})

t.test('what is no duration is refused', async (t) => {
  for (const text of [
    '',
    '30',
    's',
    '-1s',
    '1 s',
    '1S',
    '1e3s',
    '1h30m',
    '.5s',
    '1.s',
    'ten',
    '1w',
    '1toString',
  ])
    t.equal(parseDuration(text), null, JSON.stringify(text))
})

t.test('whole units are written as they are read', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 23 }), fc.constantFrom('ms', 's', 'm', 'h'), (amount, unit) => {
      const text = `${amount}${unit}`
      return writeDuration(parseDuration(text) ?? -1) === text
    }),
  )
})

t.test('sizes are bytes', async (t) => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['512', 512],
    ['0', 0],
    ['16kb', 16_384],
    ['1mb', 1_048_576],
    ['1 MB', 1_048_576],
    ['2gb', 2_147_483_648],
    ['', null],
    ['kb', null],
    ['-1', null],
    ['1.5mb', null],
    ['1tb', null],
    ['1e3', null],
  ]
  for (const [text, bytes] of cases) t.equal(parseSize(text), bytes, JSON.stringify(text))
})
