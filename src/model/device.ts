export const PLATFORMS = ['fcm', 'apns'] as const
export type Platform = (typeof PLATFORMS)[number]

/** Where a push notification goes. */
export interface Device {
  readonly platform: Platform
  readonly token: string
}
