import type { ResponseFailure } from '@parse/node-apn'
import type { DeliveryFailureCode } from '../../../model/outcome.js'
import { providerFailure } from '../failures.js'
import type { DeviceResult } from '../provider.js'

/** Apple, "Handling notification responses from APNs". Every other reason is a refusal of the push itself. */
const MEANINGS: Readonly<Record<string, DeliveryFailureCode>> = {
  TooManyRequests: 'throttled',
  TooManyProviderTokenUpdates: 'throttled',
  ServiceUnavailable: 'unavailable',
  Shutdown: 'unavailable',
  InternalServerError: 'unavailable',
  IdleTimeout: 'unavailable',
  // The SDK has made a new one by now.
  ExpiredProviderToken: 'unavailable',
  BadCertificate: 'account_refused',
  BadCertificateEnvironment: 'account_refused',
  BadEnvironmentKeyInToken: 'account_refused',
  BadEnvironmentKeyIdInToken: 'account_refused',
  BadTopic: 'account_refused',
  DeviceTokenNotForTopic: 'account_refused',
  Forbidden: 'account_refused',
  InvalidProviderToken: 'account_refused',
  MissingProviderToken: 'account_refused',
  MissingTopic: 'account_refused',
  TopicDisallowed: 'account_refused',
  UnrelatedKeyIdInToken: 'account_refused',
}

/** What the SDK puts in place of a reason when it knows what to do about it. */
const NAMED = ['ExpiredProviderToken']
const REASON = /^[A-Z][A-Za-z]{1,60}$/

/** What an answer other than "taken" means. `bad`: a token that is none, or one of the other environment. */
export function apnsFailure(failure: ResponseFailure): DeviceResult | 'bad' {
  const { status, response, error } = failure
  const reason = response?.reason ?? NAMED.find((name) => error?.message === name) ?? null
  if (status === 410) return { kind: 'gone', goneAt: timeOf(response?.timestamp) }
  if (reason === 'BadDeviceToken') return 'bad'
  if (status === undefined && reason === null) {
    return failed('connection_failed', 'the connection to APNs failed')
  }
  const said = [status, reason !== null && REASON.test(reason) ? reason : null].filter(Boolean).join(' ')
  return failed(meaningOf(status, reason), `APNs answered ${said}`)
}

/** That a device did not answer in time. */
export const apnsTimeout: DeviceResult = failed('timeout', 'APNs did not answer in time')

/** A token that APNs does not know, before anything shows that this is the right environment. */
export const apnsBadToken: DeviceResult = failed('invalid_address', 'APNs answered 400 BadDeviceToken')

function meaningOf(status: number | undefined, reason: string | null): DeliveryFailureCode {
  const meaning = reason === null ? undefined : MEANINGS[reason]
  if (meaning !== undefined) return meaning
  if (status === 403) return 'account_refused'
  if (status === 429) return 'throttled'
  return status !== undefined && status >= 500 ? 'unavailable' : 'rejected'
}

function failed(code: DeliveryFailureCode, message: string): DeviceResult {
  return { kind: 'failed', failure: providerFailure('apns', code, message) }
}

/** Milliseconds; the SDK's types call it text, Apple's answer has a number. */
function timeOf(timestamp: string | number | undefined): number | null {
  const time = Number(timestamp)
  return timestamp !== undefined && Number.isFinite(time) ? time : null
}
