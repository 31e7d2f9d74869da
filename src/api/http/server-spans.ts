import type { FastifyReply, FastifyRequest } from 'fastify'
import { readTraceparent } from '../../model/trace.js'
import type { Span, Tracing } from '../../telemetry/tracing.js'
import type { Api } from './api.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where nothing is recorded. */
    span: Span | null
  }
  interface FastifyContextConfig {
    /** A notification begins here, and with it what is told of it in traces. */
    traced?: boolean
  }
}

const SERVER_ERROR = 500

/**
 * Records the routes that are marked as traced, as OpenTelemetry's conventions for HTTP servers have it. To be
 * called behind the authentication: strangers are not to fill the traces.
 */
export function recordServerSpans(api: Api, tracing: Tracing): void {
  api.decorateRequest('span', null)
  if (!tracing.on) return
  api.addHook('onRequest', (request, reply, done) => {
    const { method, routeOptions, headers } = request
    if (routeOptions.config.traced === true) {
      const parent = readTraceparent(headers.traceparent)
      const span = tracing.start(`${method} ${routeOptions.url}`, 'server', parent)
      if (span !== null) reply.raw.once('close', () => endSpan(span, request, reply))
      request.span = span
    }
    done()
  })
}

/** What a request's notifications name as their parent. */
export const traceparentOf = ({ span, headers }: Pick<FastifyRequest, 'span' | 'headers'>): string | null =>
  span?.traceparent ?? readTraceparent(headers.traceparent)

function endSpan(
  span: Span,
  { method, protocol, routeOptions: { url }, caller }: FastifyRequest,
  { statusCode, raw }: FastifyReply,
): void {
  // Otherwise nobody waited for the answer.
  const answered = raw.writableFinished
  const failure = statusCode >= SERVER_ERROR ? `${statusCode}` : null
  span.end(answered ? failure : 'aborted', () => ({
    'http.request.method': method,
    'http.route': url ?? null,
    'url.path': url ?? null,
    'url.scheme': protocol,
    'http.response.status_code': answered ? statusCode : null,
    'notification.tenant_id': caller?.tenantId ?? null,
  }))
}
