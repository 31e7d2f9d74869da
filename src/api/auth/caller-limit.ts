import type { FastifyReply, FastifyRequest } from 'fastify'
import { Failure } from '../../model/failure.js'
import type { Api } from '../http/api.js'
import type { Identity } from '../ports.js'
import { callerOf, hasRole } from './access.js'

/** Requests a minute; 0 is no limit. */
export interface CallerLimits {
  readonly userPerMinute: number
  readonly senderPerMinute: number
}

/** How many callers are counted at once; the least recent is forgotten first. */
export const COUNTED_CALLERS = 50_000

/**
 * Counts a verified caller's requests in windows of a minute. The headers are those of
 * draft-ietf-httpapi-ratelimit-headers. Needs `@fastify/rate-limit` to be registered.
 */
export function callerLimit(
  api: Api,
  limits: CallerLimits,
): (request: FastifyRequest, reply: FastifyReply, caller: Identity) => Promise<void> | undefined {
  const take = api.createRateLimit({
    timeWindow: 60_000,
    max: (request) => limitOf(callerOf(request), limits),
    keyGenerator: (request) => keyOf(callerOf(request)),
  })
  const count = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const state = await take(request)
    if (state.isAllowed) return
    reply.header('ratelimit-limit', state.max)
    reply.header('ratelimit-remaining', state.remaining)
    reply.header('ratelimit-reset', state.ttlInSeconds)
    if (state.isExceeded) {
      throw new Failure('rate_limited', `the limit is ${state.max} requests a minute`, {
        retryAfterMs: state.ttl,
      })
    }
  }
  return (request, reply, caller) => (limitOf(caller, limits) === 0 ? undefined : count(request, reply))
}

const limitOf = (caller: Identity, limits: CallerLimits): number =>
  hasRole(caller, ['sender', 'admin']) ? limits.senderPerMinute : limits.userPerMinute

/** Neither part holds control characters, so the pair is unambiguous. */
const keyOf = (caller: Identity): string => `${caller.tenantId}\n${caller.subject}`
