import { filters, toValue } from 'liquidjs'
import { DateTime } from 'luxon'
import { BadArgument } from './bad-argument.js'
import { type FilterCall, handlerOf } from './filter-handler.js'
import { type DateStyle, dateFormat, knownZone } from './formats.js'

const STYLES: readonly DateStyle[] = ['short', 'medium', 'long', 'full']
const LONGEST_DATE = 64
const LONGEST_FORMAT = 200
const ZONE_LIKE = /^[\w+/-]{1,64}$/

/**
 * `{{ at | date }}`, `{{ at | date: 'long' }}`, `{{ at | date: '%d %B %Y, %H:%M' }}`,
 * `{{ at | date: '%H:%M', 'Europe/Berlin' }}`. The words write it as the locale does.
 * Takes ISO 8601, RFC 2822, seconds since 1970, and `now`; a time without an offset is one of the zone
 * it is written in. What is no date is written as it is.
 */
export function date(this: FilterCall, value: unknown, format?: unknown, zone?: unknown): unknown {
  const { locale, timezoneOffset } = this.context.opts
  const timezone = zoneNamed(zone ?? timezoneOffset)
  const pattern = format ?? 'medium'
  if (typeof pattern !== 'string' || pattern.length > LONGEST_FORMAT) {
    throw new BadArgument(`date expects a format of at most ${LONGEST_FORMAT} characters`)
  }
  const at = dateOf(toValue(value), timezone)
  if (at === null) return value
  const style = STYLES.find((word) => word === pattern)
  if (style) return dateFormat(locale, timezone, style).format(at.toMillis())
  // liquidjs counts the offset of a zone westwards.
  return strftime.call(this, at.toJSDate(), pattern, -at.offset)
}

const strftime = handlerOf(filters, 'date')

function zoneNamed(zone: unknown): string {
  const name = typeof zone === 'string' && ZONE_LIKE.test(zone) ? zone : null
  const known = name === null ? null : knownZone(name)
  if (known !== null) return known
  throw new BadArgument(`date expects an IANA time zone${name === null ? '' : `; there is no "${name}"`}`)
}

function dateOf(value: unknown, zone: string): DateTime | null {
  if (value === 'now' || value === 'today') return DateTime.now().setZone(zone)
  if (typeof value === 'number') return valid(DateTime.fromMillis(value * 1000, { zone }))
  if (typeof value !== 'string' || value.length > LONGEST_DATE) return null
  if (/^\d+$/.test(value)) return valid(DateTime.fromMillis(Number(value) * 1000, { zone }))
  return (
    valid(DateTime.fromISO(value, { zone })) ??
    valid(DateTime.fromSQL(value, { zone })) ??
    valid(DateTime.fromRFC2822(value, { zone }))
  )
}

const valid = (at: DateTime): DateTime | null => (at.isValid ? at : null)
