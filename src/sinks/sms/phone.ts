import type { JsonObject } from '../../model/json.js'
import { type Phone, readPhone } from '../../model/phone.js'

/** The number in the metadata; null when it cannot be called. */
export function phoneIn({ phone }: JsonObject, defaultCountry: string): Phone | null {
  return typeof phone === 'string' ? readPhone(phone, defaultCountry) : null
}

/** For intake: null when the number can be sent to, else what is wrong with it, without repeating it. */
export function checkPhone(metadata: JsonObject, defaultCountry: string): string | null {
  if (phoneIn(metadata, defaultCountry) !== null) return null
  return `must be a phone number: international (E.164) such as +8613800138000, or a national one of ${defaultCountry}`
}

/** The metadata with the number as E.164, so that rows, suppressions and limits know it by one spelling. */
export function spelledPhone(metadata: JsonObject, defaultCountry: string): JsonObject {
  const phone = phoneIn(metadata, defaultCountry)
  return phone === null || phone.number === metadata.phone ? metadata : { ...metadata, phone: phone.number }
}
