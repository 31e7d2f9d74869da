import { DEVICE_FIELD, DEVICES_FIELD } from '../../model/address.js'
import { type Device, inOneSpelling, isWellFormed, type Platform, TOKEN_FORM } from '../../model/device.js'
import type { FieldError } from '../../model/failure.js'
import type { Json, JsonObject } from '../../model/json.js'

export const MAX_DEVICES = 1_000

/** What senders may call a platform. */
const PLATFORMS: ReadonlyMap<Json | undefined, Platform> = new Map([
  ['fcm', 'fcm'],
  ['apns', 'apns'],
  ['android', 'fcm'],
  ['ios', 'apns'],
])

/** The devices in the metadata, each once; null where they cannot be read. */
export function devicesIn(metadata: JsonObject): readonly Device[] | null {
  const devices = new Map<string, Device>()
  for (const { value, platform } of listed(metadata) ?? []) {
    const device = deviceOf(value, platform)
    if (device === null) return null
    devices.set(`${device.platform} ${device.token}`, device)
  }
  return devices.size === 0 ? null : [...devices.values()]
}

/** For intake: what is wrong with the devices in the metadata, which stand at `prefix`; never repeats a token. */
export function checkDevices(metadata: JsonObject, prefix: string): FieldError | null {
  const places = listed(metadata)
  if (places === null || places.length === 0 || places.length > MAX_DEVICES) {
    return { field: `${prefix}/${DEVICES_FIELD}`, message: `must be a list of 1 to ${MAX_DEVICES} devices` }
  }
  for (const { value, platform, at } of places) {
    const known = PLATFORMS.get(platform)
    if (known === undefined) {
      return { field: `${prefix}/${at.platform}`, message: 'must be fcm or apns (or android, ios)' }
    }
    const device = deviceOf(value, platform)
    if (device === null || !isWellFormed(device)) {
      return { field: `${prefix}/${at.token}`, message: `must be a device token: ${TOKEN_FORM[known]}` }
    }
  }
  return null
}

interface Place {
  readonly value: Json | undefined
  readonly platform: Json | undefined
  /** Where they stand in the metadata. */
  readonly at: { readonly platform: string; readonly token: string }
}

/** A list goes before a single device. Null: there is something else in its place. */
function listed(metadata: JsonObject): readonly Place[] | null {
  const { [DEVICES_FIELD]: devices, [DEVICE_FIELD]: value, platform } = metadata
  if (devices === undefined) return [{ value, platform, at: { platform: 'platform', token: DEVICE_FIELD } }]
  if (!Array.isArray(devices)) return null
  return devices.map((entry: Json, n): Place => {
    const at = `${DEVICES_FIELD}/${n}`
    const device = isObject(entry) ? entry : {}
    return {
      value: device.token,
      platform: device.platform,
      at: { platform: `${at}/platform`, token: `${at}/token` },
    }
  })
}

function deviceOf(token: Json | undefined, platform: Json | undefined): Device | null {
  const known = PLATFORMS.get(platform)
  if (known === undefined || typeof token !== 'string' || token === '') return null
  return inOneSpelling({ platform: known, token })
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
