import type { Platform } from '../../model/device.js'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import type { DeviceResult } from './provider.js'

/** A refusal that somebody else can end: the operator, a limit, the provider itself. */
const RETRYABLE: ReadonlySet<DeliveryFailureCode> = new Set([
  'timeout',
  'connection_failed',
  'unavailable',
  'throttled',
  'account_refused',
  'circuit_open',
])

/** The failure of a provider at one device; `message` holds nothing of what the vendor said but its code. */
export function providerFailure(
  platform: Platform,
  code: DeliveryFailureCode,
  message: string,
  options: { readonly retryAfterMs?: number | null; readonly cause?: unknown } = {},
): DeliveryFailure {
  return new DeliveryFailure(code, message, {
    retryable: RETRYABLE.has(code),
    provider: platform,
    ...options,
  })
}

/** Failures that speak of the provider, and that a second try may mend. */
const PASSING: ReadonlySet<DeliveryFailureCode> = new Set(['connection_failed', 'unavailable'])

/** Whether a device is tried again within the attempt. Who is asked to wait waits for the next one. */
export const isPassing = ({ code, retryAfterMs }: DeliveryFailure): boolean =>
  PASSING.has(code) && retryAfterMs === null

/** Whether a circuit breaker counts it against the provider. */
export const isFault = ({ code }: DeliveryFailure): boolean => PASSING.has(code) || code === 'timeout'

/** One failure for every device of a call. */
export const failedAll = (devices: number, failure: DeliveryFailure): readonly DeviceResult[] =>
  Array.from({ length: devices }, () => ({ kind: 'failed', failure }))
