import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readiness } from '../readiness.js'
import { HealthAnswer, ReadyAnswer } from '../schemas/operations.js'

/** What a supervisor, a load balancer and Prometheus read. Open to everybody who reaches the port. */
export function operationRoutes(api: Api, options: ServerOptions): void {
  const ready = readiness(options)

  api.get(
    '/health',
    {
      schema: {
        summary: 'The process runs',
        tags: ['operations'],
        security: [],
        response: { 200: HealthAnswer },
      },
    },
    async () => ({ status: 'ok' as const }),
  )
  api.get(
    '/ready',
    {
      schema: {
        summary: 'Every dependency answers',
        tags: ['operations'],
        security: [],
        response: { 200: ReadyAnswer, 503: ReadyAnswer },
      },
    },
    async (_request, reply) => {
      const { status, checks } = await ready()
      return reply.code(status === 'unavailable' ? 503 : 200).send({ status, checks: { ...checks } })
    },
  )
  api.get(
    '/metrics',
    { schema: { summary: 'Metrics for Prometheus', tags: ['operations'], security: [] } },
    async (_request, reply) => {
      const { registry, scrape } = options.telemetry.metrics
      return reply.header('content-type', registry.contentType).send(await scrape())
    },
  )
}
