import fc from 'fast-check'
import { DateTime } from 'luxon'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** An instant by the wall clock of a zone, such as `2026-03-10T22:00`. */
export const at = (text: string, timezone: string): number =>
  DateTime.fromISO(text, { zone: timezone }).toMillis()

/** Both nights of 2026 on which clocks change, or two usual ones, by the instant of the change. */
export const NIGHTS: Readonly<Record<string, readonly [spring: number, autumn: number]>> = {
  'Asia/Shanghai': [Date.parse('2026-03-28T18:00Z'), Date.parse('2026-10-24T18:00Z')],
  'Europe/Berlin': [Date.parse('2026-03-29T01:00Z'), Date.parse('2026-10-25T01:00Z')],
  'America/New_York': [Date.parse('2026-03-08T07:00Z'), Date.parse('2026-11-01T06:00Z')],
  // By half an hour.
  'Australia/Lord_Howe': [Date.parse('2026-10-03T15:30Z'), Date.parse('2026-04-04T15:00Z')],
  // Across midnight: what is left out is the end of a Saturday.
  'America/Nuuk': [Date.parse('2026-03-29T01:00Z'), Date.parse('2026-10-25T01:00Z')],
  // At midnight: the day begins at one.
  'Africa/Cairo': [Date.parse('2026-04-23T22:00Z'), Date.parse('2026-10-29T21:00Z')],
  'Asia/Kathmandu': [Date.parse('2026-03-28T20:15Z'), Date.parse('2026-10-24T20:15Z')],
}

const YEARS = { min: Date.UTC(2020, 0, 1), max: Date.UTC(2037, 0, 1) }

/** A zone and an instant: every second one within a day and a half of a change of the clocks. */
export const zonedInstants: fc.Arbitrary<readonly [timezone: string, instant: number]> = fc.oneof(
  fc.constantFrom(...Object.entries(NIGHTS)).chain(([timezone, nights]) =>
    fc.tuple(
      fc.constant(timezone),
      fc
        .tuple(fc.constantFrom(...nights), fc.integer({ min: -1.5 * DAY, max: 1.5 * DAY }))
        .map(([night, distance]) => night + distance),
    ),
  ),
  fc.tuple(fc.constantFrom(...Intl.supportedValuesOf('timeZone')), fc.integer(YEARS)),
)

const formats = new Map<string, Intl.DateTimeFormat>()

export interface WallClock {
  /** Such as `2026-03-10`. */
  readonly date: string
  /** Minutes after midnight. */
  readonly minute: number
}

/** What the wall clock of a zone shows, straight from the platform: what the tests measure the code by. */
export function wallClock(timezone: string, instant: number): WallClock {
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' })
  formats.set(timezone, format)
  const [date = '', time = ''] = format.format(instant).split(' ')
  const [hours, minutes] = time.split(':').map(Number)
  return { date, minute: Number(hours) * 60 + Number(minutes) }
}

/** The first full minute from an instant on that a check holds for, or null when there is none within a time. */
export function walk(from: number, within: number, check: (minute: number) => boolean): number | null {
  for (let minute = Math.ceil(from / MINUTE) * MINUTE; minute <= from + within; minute += MINUTE)
    if (check(minute)) return minute
  return null
}
