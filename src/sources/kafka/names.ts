const LONGEST_NAME = 255
const LONGEST_TENANT = 64
const CONTROLS = /\p{Cc}/u

/** What may be stored, searched for and shown as it is: 1 to 255 characters, no controls. Null for anything else. */
export const nameIn = (value: unknown, longest = LONGEST_NAME): string | null =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= longest &&
  value.isWellFormed() &&
  !CONTROLS.test(value)
    ? value
    : null

/** A tenant's id, by the rule for those of requests. */
export const tenantIn = (value: unknown): string | null => nameIn(value, LONGEST_TENANT)

/** A text in a member of a JSON object; null where there is none, or an empty one. */
export function textIn(value: unknown, member: string): string | null {
  const found = memberOf(value, member)
  return typeof found === 'string' && found !== '' ? found : null
}

/** Undefined where the value is no object, or has no such member of its own. */
export function memberOf(value: unknown, member: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined
  return Reflect.get(value, member)
}
