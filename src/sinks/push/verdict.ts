import type { Platform } from '../../model/device.js'
import { DeliveryFailure, type DeliveryFailureCode, type Receipt } from '../../model/outcome.js'
import { tally } from './handover.js'
import type { DeviceResult } from './provider.js'

/** What became of a push at the devices of one platform. Null: there is no provider for them. */
export interface PlatformResults {
  readonly platform: Platform
  readonly devices: number
  readonly results: readonly DeviceResult[] | null
  /** How many of those that are gone were removed from the directory. */
  readonly removed: number
}

/** What waiting may mend, first what tells most about why nothing arrived. All else is a refusal for good. */
const TELLING: readonly DeliveryFailureCode[] = [
  'unavailable',
  'connection_failed',
  'timeout',
  'throttled',
  'circuit_open',
  'account_refused',
]

/**
 * A push was delivered when at least one device took it.
 * @throws DeliveryFailure when none did
 */
export function verdictOn(parts: readonly PlatformResults[]): Receipt {
  const asked = parts.filter(({ results }) => results !== null)
  const all = asked.flatMap(({ results }) => results ?? [])
  const note = parts.map(describe).join('; ')
  const provider = asked.map(({ platform }) => platform).join(',')
  const sent = all.find((result) => result.kind === 'sent')
  if (sent !== undefined) {
    return { provider, note, ...(sent.providerId !== null && { providerId: sent.providerId }) }
  }
  if (asked.length === 0) {
    throw new DeliveryFailure('not_configured', `no provider for these devices: ${note}`, {
      retryable: false,
    })
  }
  const failures = all.flatMap((result) => (result.kind === 'failed' ? [result.failure] : []))
  const cause = mostTelling(failures)
  if (cause === undefined) {
    throw new DeliveryFailure('gone', `no device is left: ${note}`, { retryable: false, provider })
  }
  throw new DeliveryFailure(cause.code, `no device took it: ${note}`, {
    retryable: cause.retryable,
    retryAfterMs: cause.retryAfterMs,
    provider,
    cause,
  })
}

function mostTelling(failures: readonly DeliveryFailure[]): DeliveryFailure | undefined {
  const codes = new Map(failures.map((failure) => [failure.code, failure]))
  const first = TELLING.find((code) => codes.has(code))
  return first === undefined ? failures[0] : codes.get(first)
}

/** `fcm 2 of 3, 1 removed` */
function describe({ platform, devices, results, removed }: PlatformResults): string {
  if (results === null) return `${platform} not open, ${devices} left out`
  const counts = new Map(tally(results).map(({ result, count }) => [result, count]))
  const sent = counts.get('sent') ?? 0
  const kept = (counts.get('gone') ?? 0) - removed
  counts.delete('sent')
  counts.delete('gone')
  const others = [
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(kept > 0 ? [`${kept} gone`] : []),
    ...[...counts].map(([code, count]) => `${count} ${code}`),
  ]
  return [`${platform} ${sent} of ${devices}`, ...others].join(', ')
}
