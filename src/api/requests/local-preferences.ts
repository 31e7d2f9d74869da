import { LRUCache } from 'lru-cache'
import { IANAZone } from 'luxon'
import type { FieldError } from '../../model/failure.js'
import { coversTheDay, overlapping } from '../../model/quiet-hours.js'
import type { QuietWindow } from '../../model/recipient.js'
import type { LocalPreferences } from '../ports.js'
import type { PreferencesBody, QuietWindow as WindowBody } from '../schemas/recipients.js'
import { LOCALE_EXPECTED, readLocale } from './locale.js'

const LONGEST_LOCALE = 35
/** To ask whether a zone exists takes a tenth of a millisecond. */
const zones = new LRUCache<string, boolean>({ max: 1_000 })

/** Reads what is named; what is wrong goes to `errors`, with its field below `at`. */
export function readLocalPreferences(
  { locale, timezone, quiet_hours }: PreferencesBody,
  at: string,
  errors: FieldError[],
): Partial<LocalPreferences> {
  return {
    ...(locale === undefined ? {} : { locale: localeOf(locale, `${at}/locale`, errors) }),
    ...(timezone === undefined ? {} : { timezone: zoneOf(timezone, `${at}/timezone`, errors) }),
    ...(quiet_hours === undefined ? {} : { quietHours: windowsOf(quiet_hours, `${at}/quiet_hours`, errors) }),
  }
}

export const windowAnswer = ({ start, end }: QuietWindow): WindowBody => ({
  start: timeOfDay(start),
  end: timeOfDay(end),
})

function localeOf(text: string | null, field: string, errors: FieldError[]): string | null {
  if (text === null) return null
  const locale = readLocale(text) ?? null
  if (locale !== null && locale.length <= LONGEST_LOCALE) return locale
  errors.push({ field, message: LOCALE_EXPECTED })
  return null
}

function zoneOf(zone: string | null, field: string, errors: FieldError[]): string | null {
  if (zone === null || isZone(zone)) return zone
  errors.push({ field, message: 'must be an IANA time zone, such as Asia/Shanghai' })
  return null
}

function isZone(zone: string): boolean {
  const known = zones.get(zone)
  if (known !== undefined) return known
  // Later versions of Node take offsets such as +08:00 as well, which know no daylight-saving time.
  const exists = /^[A-Za-z]/.test(zone) && IANAZone.isValidZone(zone)
  zones.set(zone, exists)
  return exists
}

function windowsOf(
  bodies: readonly WindowBody[] | null,
  field: string,
  errors: FieldError[],
): readonly QuietWindow[] | null {
  if (bodies === null) return null
  const windows = bodies.map(({ start, end }) => ({ start: minutes(start), end: minutes(end) }))
  const empty = windows.findIndex(({ start, end }) => start === end)
  if (empty >= 0) {
    errors.push({ field: `${field}/${empty}`, message: 'must not end when it starts' })
    return windows
  }
  const pair = overlapping(windows)
  if (pair !== null) {
    const [first, second] = pair
    errors.push({ field: `${field}/${second}`, message: `must not overlap with ${field}/${first}` })
  } else if (coversTheDay(windows)) {
    errors.push({ field, message: 'must leave some time of the day' })
  }
  return windows
}

/** After midnight. */
function minutes(text: string): number {
  const [hour = 0, minute = 0] = text.split(':').map(Number)
  return hour * 60 + minute
}

function timeOfDay(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}
