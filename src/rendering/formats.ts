import { LRUCache } from 'lru-cache'

/** Building one takes up to a hundred times as long as using it, and memory that V8 does not count. */
const MAX_FORMATS = 200

const numbers = new LRUCache<string, Intl.NumberFormat>({ max: MAX_FORMATS })
const dates = new LRUCache<string, Intl.DateTimeFormat>({ max: MAX_FORMATS })
const zones = new LRUCache<string, { readonly name: string | null }>({ max: MAX_FORMATS })

export function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale} ${options.style} ${options.currency} ${options.minimumFractionDigits}`
  const known = numbers.get(key)
  if (known) return known
  const format = new Intl.NumberFormat(locale, options)
  numbers.set(key, format)
  return format
}

export type DateStyle = 'short' | 'medium' | 'long' | 'full'

export function dateFormat(locale: string, timeZone: string, dateStyle: DateStyle): Intl.DateTimeFormat {
  const key = `${locale} ${timeZone} ${dateStyle}`
  const known = dates.get(key)
  if (known) return known
  const format = new Intl.DateTimeFormat(locale, { timeZone, dateStyle })
  dates.set(key, format)
  return format
}

/** The name of an IANA time zone as it is usually spelt; null when there is none of that name. */
export function knownZone(name: string): string | null {
  const known = zones.get(name)
  if (known) return known.name
  const found = canonicalZone(name)
  zones.set(name, { name: found })
  return found
}

function canonicalZone(timeZone: string): string | null {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** A BCP 47 tag as it is usually spelt; null when it is none. */
export function knownLocale(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
