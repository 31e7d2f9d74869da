import { type Device, inOneSpelling, isWellFormed, TOKEN_FORM } from '../../model/device.js'
import type { FieldError } from '../../model/failure.js'
import { readPhone } from '../../model/phone.js'
import { validationFailed } from '../http/validation.js'
import type { DirectoryEntry } from '../ports.js'
import type { RecipientBody } from '../schemas/recipients.js'
import { readLocalPreferences } from './local-preferences.js'
import type { AddressCheck } from './message.js'

const MAX_ERRORS = 20

/** @throws Failure `validation_failed` naming every field that is wrong */
export function readEntry(userId: string, body: RecipientBody, checkEmail: AddressCheck): DirectoryEntry {
  const errors: FieldError[] = []
  const entry = entryOf(userId, body, '', checkEmail, errors)
  if (errors.length > 0) throw validationFailed(errors)
  return entry
}

/** @throws Failure `validation_failed` naming the entries and fields that are wrong, the first 20 */
export function readEntries(
  bodies: readonly (RecipientBody & { readonly user_id: string })[],
  checkEmail: AddressCheck,
): readonly DirectoryEntry[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  const entries = bodies.map((body, n) => {
    const at = `/recipients/${n}`
    if (seen.has(body.user_id)) errors.push({ field: `${at}/user_id`, message: 'must not be named twice' })
    seen.add(body.user_id)
    return entryOf(body.user_id, body, at, checkEmail, errors)
  })
  if (errors.length > 0) throw validationFailed(errors.slice(0, MAX_ERRORS))
  return entries
}

/** What is wrong goes to `errors`, with its field below `at`. */
function entryOf(
  userId: string,
  body: RecipientBody,
  at: string,
  checkEmail: AddressCheck,
  errors: FieldError[],
): DirectoryEntry {
  const { email = null, phone = null, devices = [] } = body
  const wrong = email === null ? null : checkEmail({ email }, at)
  if (wrong !== null) errors.push(wrong)
  const { locale = null, timezone = null, quietHours = null } = readLocalPreferences(body, at, errors)
  return {
    userId,
    email,
    phone: phone === null ? null : phoneOf(phone, `${at}/phone`, errors),
    locale,
    timezone,
    quietHours,
    devices: devicesOf(devices, `${at}/devices`, errors),
  }
}

/** As E.164. */
function phoneOf(text: string, field: string, errors: FieldError[]): string | null {
  const phone = readPhone(text, null)
  if (phone !== null) return phone.number
  errors.push({
    field,
    message:
      'must be an international number that begins with + and the country (E.164), such as +8613800138000',
  })
  return null
}

function devicesOf(given: readonly Device[], field: string, errors: FieldError[]): readonly Device[] {
  const devices = given.map(inOneSpelling)
  const tokens = devices.map(({ token }) => token)
  for (const [n, device] of devices.entries()) {
    const at = `${field}/${n}/token`
    if (!isWellFormed(device)) {
      errors.push({ field: at, message: `must be a device token: ${TOKEN_FORM[device.platform]}` })
    } else if (tokens.indexOf(device.token) < n) {
      errors.push({ field: at, message: 'must not be named twice' })
    }
  }
  return devices
}
