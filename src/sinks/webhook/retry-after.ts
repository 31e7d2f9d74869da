const MAX_MS = 3_600_000

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3: seconds or a date), at most an
 * hour; null when there is none or it cannot be read.
 * @param now epoch milliseconds
 */
export function retryAfterMs(value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  const text = value.trim()
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : httpDate(text) - now
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), MAX_MS)
}

/** Every form of an HTTP date names a day or month first and is in GMT, said or not. */
function httpDate(text: string): number {
  if (!/^[A-Z][a-z]+,? /.test(text)) return Number.NaN
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
}
