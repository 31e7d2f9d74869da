import type { SendResponse } from 'firebase-admin/messaging'
import type { DeliveryFailureCode } from '../../../model/outcome.js'
import { providerFailure } from '../failures.js'
import type { DeviceResult } from '../provider.js'

/**
 * What the SDK's codes mean (Firebase, "Admin error handling" and "FCM error codes"). Every other one is a
 * refusal of the message itself.
 */
const MEANINGS: Readonly<Record<string, DeliveryFailureCode>> = {
  'messaging/message-rate-exceeded': 'throttled',
  'messaging/device-message-rate-exceeded': 'throttled',
  'messaging/quota-exceeded': 'throttled',
  'messaging/server-unavailable': 'unavailable',
  'messaging/internal-error': 'unavailable',
  // An answer that is not FCM's, as a proxy gives.
  'messaging/unknown-error': 'unavailable',
  'app/unable-to-parse-response': 'unavailable',
  'messaging/third-party-auth-error': 'account_refused',
  'messaging/mismatched-credential': 'account_refused',
  'messaging/authentication-error': 'account_refused',
  'app/invalid-credential': 'account_refused',
  'app/network-timeout': 'timeout',
  'app/network-error': 'connection_failed',
}

/** The token is unknown or none; FCM's 404 for a project that there is not has the same code in the SDK. */
const UNKNOWN: ReadonlySet<string> = new Set([
  'messaging/registration-token-not-registered',
  'messaging/invalid-registration-token',
])

/** Of the form of a code, so that nothing else gets into a message. */
const CODE = /^[a-z]+\/[a-z-]{1,60}$/

/**
 * What FCM's answer for one device means. `unknown`: the token leads nowhere, or the project is the wrong one.
 * @param ended the call was ended from here, which to the SDK is a connection that failed
 * @param retryAfterMs what FCM asked to wait, in milliseconds
 */
export function fcmResult(
  { success, messageId, error }: SendResponse,
  { ended, retryAfterMs }: { readonly ended: boolean; readonly retryAfterMs: number | null },
): DeviceResult | 'unknown' {
  if (success) return { kind: 'sent', providerId: messageId ?? null }
  const code = error?.code ?? ''
  if (UNKNOWN.has(code) || isAboutToken(code, error?.message ?? '')) return 'unknown'
  const meaning = MEANINGS[code] ?? 'rejected'
  const failed = (as: DeliveryFailureCode, message: string, wait: number | null = null): DeviceResult => ({
    kind: 'failed',
    failure: providerFailure('fcm', as, message, { retryAfterMs: wait }),
  })
  if (ended && meaning === 'connection_failed') return failed('timeout', 'FCM did not answer in time')
  if (meaning === 'connection_failed') return failed(meaning, 'the connection to FCM failed')
  const wait = meaning === 'throttled' || meaning === 'unavailable' ? retryAfterMs : null
  return failed(meaning, `FCM answered ${CODE.test(code) ? code : 'something unknown'}`, wait)
}

/** A token that FCM does not know, before anything shows that this is the right project. */
export const fcmUnknownToken: DeviceResult = {
  kind: 'failed',
  failure: providerFailure('fcm', 'invalid_address', 'FCM does not know the token'),
}

/** One code for everything that is wrong with a request; only the words tell that it is the token. */
const isAboutToken = (code: string, message: string): boolean =>
  code === 'messaging/invalid-argument' && /not a valid FCM registration token/i.test(message)
