import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FAILURES, Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Api } from './api.js'
import { readRest } from './oversized.js'
import { PROBLEM_TYPE, problemOf, retryAfterSeconds } from './problem.js'
import { refusalOf } from './refusal.js'

/** Answers everything that goes wrong with a problem document, and records it. */
export function answerErrors(api: Api, telemetry: Telemetry): void {
  api.setErrorHandler((error, request, reply) => answer(error, request, reply, telemetry))
  api.setNotFoundHandler((request, reply) =>
    answer(new Failure('not_found', 'there is no such route'), request, reply, telemetry),
  )
}

export function answer(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  telemetry: Telemetry,
): FastifyReply {
  const failure = refusalOf(error)
  const instance = failure.code === 'internal' ? `urn:uuid:${randomUUID()}` : null
  record(failure, instance, request, telemetry)
  const retryAfter = retryAfterSeconds(failure)
  if (retryAfter !== null) reply.header('retry-after', retryAfter)
  if (failure.code === 'payload_too_large') readRest(request, reply)
  // RFC 6750 §3: a refused bearer token is answered with the scheme that is expected.
  if (failure.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="notifications"')
  return reply
    .code(FAILURES[failure.code].status)
    .header('content-type', PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify(problemOf(failure, instance)))
}

function record(
  failure: Failure,
  instance: string | null,
  request: FastifyRequest,
  { log, metrics }: Telemetry,
): void {
  metrics.httpRefused.inc({ code: failure.code })
  const fields = {
    code: failure.code,
    method: request.method,
    route: request.routeOptions.url ?? null,
    // Not even null where the path could not be read.
    ...(request.caller ? { tenant_id: request.caller.tenantId } : {}),
  }
  // A caller who hung up in the middle of the body is not a fault of ours.
  const hungUp = request.raw.destroyed && !request.raw.complete
  if (failure.code === 'internal' && !hungUp) {
    log.event('http.request_failed', { ...fields, request_id: instance, err: failure.cause ?? failure })
  } else {
    log.event('http.request_refused', fields)
  }
}
