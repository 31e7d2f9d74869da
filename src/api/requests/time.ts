const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?([Zz]|[+-](\d\d):(\d\d))$/

/**
 * Reads an RFC 3339 time, which always names its zone. Null for anything else, also for
 * days that do not exist: `Date.parse` would make 1 March of 29 February.
 * @returns epoch milliseconds
 */
export function readTime(text: string): number | null {
  const match = RFC3339.exec(text)
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const [zoneHour = 0, zoneMinute = 0] = match.slice(8, 10).map((part) => Number(part ?? 0))
  const exists =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= new Date(Date.UTC(year, month, 0)).getUTCDate() &&
    Math.max(hour, zoneHour) <= 23 &&
    Math.max(minute, zoneMinute, second) <= 59
  return exists ? Date.parse(text.toUpperCase()) : null
}

export const isoTime = (time: number): string => new Date(time).toISOString()
export const isoTimeOrNull = (time: number | null): string | null => (time === null ? null : isoTime(time))
