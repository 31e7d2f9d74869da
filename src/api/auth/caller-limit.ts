import { Failure } from '../../model/failure.js'
import type { CallerCounters, Identity } from '../ports.js'
import { hasRole } from './access.js'

/** Requests a minute; 0 is no limit. */
export interface CallerLimits {
  readonly userPerMinute: number
  readonly senderPerMinute: number
}

/** Where a caller stands in the minute that runs. */
export interface Standing {
  readonly limit: number
  readonly remaining: number
  /** Until the minute is over. */
  readonly resetMs: number
  readonly exceeded: boolean
}

/** Counts a request of a verified caller. Null, and nothing is asked of any store, for callers without a limit. */
export type CountCaller = (caller: Identity) => Promise<Standing> | null

/** The one limit of each caller, by whichever protocol and instance the requests come. */
export function callerLimit(limits: CallerLimits, counters: CallerCounters): CountCaller {
  const count = async ({ tenantId, subject }: Identity, limit: number): Promise<Standing> => {
    const { count, resetMs } = await counters.count({ tenantId, userId: subject })
    return { limit, remaining: Math.max(0, limit - count), resetMs, exceeded: count > limit }
  }
  return (caller) => {
    const limit = hasRole(caller, ['sender', 'admin']) ? limits.senderPerMinute : limits.userPerMinute
    return limit === 0 ? null : count(caller, limit)
  }
}

export const excess = ({ limit, resetMs }: Standing): Failure =>
  new Failure('rate_limited', `the limit is ${limit} requests a minute`, { retryAfterMs: resetMs })
