import { LRUCache } from 'lru-cache'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { Dependency } from '../ports.js'
import { HealthAnswer, ReadyAnswer } from '../schemas/operations.js'

const CHECK_MS = 2_000
/** However often it is asked, a dependency is asked once a second. */
const CACHE_MS = 1_000

/** What a supervisor, a load balancer and Prometheus read. Open to everybody who reaches the port. */
export function operationRoutes(api: Api, { dependencies, telemetry, isShuttingDown }: ServerOptions): void {
  const recent = new LRUCache<'checks', Promise<Record<string, string>>>({ max: 1, ttl: CACHE_MS })

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
      const checks = await (recent.get('checks') ?? remember(recent, checkAll(dependencies, telemetry)))
      const missing = dependencies.filter(({ name }) => checks[name] !== 'up')
      const ready = !isShuttingDown() && !missing.some(({ required }) => required)
      const status = ready ? (missing.length > 0 ? 'degraded' : 'ready') : 'unavailable'
      return reply.code(ready ? 200 : 503).send({ status, checks })
    },
  )
  api.get(
    '/metrics',
    { schema: { summary: 'Metrics for Prometheus', tags: ['operations'], security: [] } },
    async (_request, reply) => {
      const { registry } = telemetry.metrics
      return reply.header('content-type', registry.contentType).send(await registry.metrics())
    },
  )
}

function remember<T>(cache: LRUCache<'checks', Promise<T>>, value: Promise<T>): Promise<T> {
  cache.set('checks', value)
  return value
}

async function checkAll(
  dependencies: readonly Dependency[],
  { metrics }: Telemetry,
): Promise<Record<string, string>> {
  const states = await Promise.all(
    dependencies.map(async (dependency) => {
      const up = await isUp(dependency)
      metrics.dependencyUp.set({ dependency: dependency.name }, up ? 1 : 0)
      return [dependency.name, up ? 'up' : 'down']
    }),
  )
  return Object.fromEntries(states)
}

/** Does not wait longer than the deadline, even for a check that ignores its signal. */
async function isUp(dependency: Dependency): Promise<boolean> {
  const signal = AbortSignal.timeout(CHECK_MS)
  const late = new Promise<boolean>((resolve) => {
    signal.addEventListener('abort', () => resolve(false), { once: true })
  })
  const check = async (): Promise<boolean> => dependency.check(signal)
  return Promise.race([check().catch(() => false), late])
}
