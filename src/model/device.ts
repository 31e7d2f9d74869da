export const PLATFORMS = ['fcm', 'apns'] as const
export type Platform = (typeof PLATFORMS)[number]

/** Where a push notification goes. */
export interface Device {
  readonly platform: Platform
  readonly token: string
}

export const MAX_TOKEN = 4_096

/** What a token looks like, for whoever gave us another one. */
export const TOKEN_FORM: Readonly<Record<Platform, string>> = {
  fcm: `printable ASCII, at most ${MAX_TOKEN} characters`,
  apns: 'hexadecimal, 64 to 200 digits',
}

const PRINTABLE = /^[!-~]+$/
/** Apple names no length; today's tokens have 32 bytes, and no token may be more than a part of a path. */
const APNS_TOKEN = /^[0-9a-f]{64,200}$/i

/** Whether a provider can be asked about a token at all. */
export const isWellFormed = ({ platform, token }: Device): boolean =>
  platform === 'fcm' ? PRINTABLE.test(token) && token.length <= MAX_TOKEN : APNS_TOKEN.test(token)

/** In one spelling: the digits of an APNs token may come in either case, and it is the same device. */
export const inOneSpelling = ({ platform, token }: Device): Device => ({
  platform,
  token: platform === 'apns' ? token.toLowerCase() : token,
})
