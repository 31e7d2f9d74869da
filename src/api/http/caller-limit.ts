import type { FastifyReply } from 'fastify'
import { type CountCaller, excess } from '../auth/caller-limit.js'
import type { Identity } from '../ports.js'

/** Counts the request of a caller. The headers are those of draft-ietf-httpapi-ratelimit-headers. */
export async function limitCaller(
  caller: Identity,
  reply: FastifyReply,
  countCaller: CountCaller,
): Promise<void> {
  const standing = await countCaller(caller)
  if (standing === null) return
  reply.header('ratelimit-limit', standing.limit)
  reply.header('ratelimit-remaining', standing.remaining)
  reply.header('ratelimit-reset', Math.ceil(standing.resetMs / 1_000))
  if (standing.exceeded) throw excess(standing)
}
