import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js'

export interface Phone {
  /** E.164: `+` and digits. */
  readonly number: string
  /** ISO 3166; null where the number alone does not tell it. */
  readonly country: string | null
}

/** Numbers in China have 7 to 12 digits, but those of mobiles always 11. */
const CUT_MOBILE = /^\+861[3-9](?!\d{9}$)/

/**
 * Reads a phone number in whatever way it is written; null when it is none. Its length must be right for its
 * country; which numbers are in use changes too often to be judged here.
 * @param defaultCountry of numbers that do not begin with `+` and a country; null: those are refused
 */
export function readPhone(text: string, defaultCountry: string | null): Phone | null {
  const phone = parsePhoneNumberFromString(text, {
    extract: false,
    ...(defaultCountry !== null && isSupportedCountry(defaultCountry) ? { defaultCountry } : {}),
  })
  if (!phone?.isPossible() || phone.ext !== undefined || CUT_MOBILE.test(phone.number)) return null
  return { number: phone.number, country: phone.country ?? null }
}

export const isPhoneCountry = (country: string): boolean => isSupportedCountry(country)
