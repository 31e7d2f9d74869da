import type { FastifyReply, FastifyRequest } from 'fastify'

const MOST_READ_BYTES = 64 * 1024 * 1024

/**
 * Lets Node read the rest of a body that was refused for its size, and throw it away. Fastify would
 * close the connection, and a client that is still sending then sees a reset instead of the answer.
 * A body that does not say how long it is, or is far too long, is cut off all the same; so is one
 * that takes longer than any request may.
 */
export function readRest(request: FastifyRequest, reply: FastifyReply): void {
  const announced = Number(request.headers['content-length'])
  if (announced <= MOST_READ_BYTES) reply.removeHeader('connection')
}
