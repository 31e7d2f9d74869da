import { LRUCache } from 'lru-cache'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Dependency } from './ports.js'

const CHECK_MS = 2_000
/** However often it is asked, a dependency is asked once a second. */
const CACHE_MS = 1_000

export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'unavailable'
  /** `up` or `down`, by the name of the dependency. */
  readonly checks: Readonly<Record<string, string>>
}

export interface ReadinessOptions {
  readonly dependencies: readonly Dependency[]
  readonly telemetry: Telemetry
  readonly isShuttingDown: () => boolean
}

/** Whether this instance is of use, as load balancers ask for it over HTTP and gRPC. */
export function readiness({
  dependencies,
  telemetry,
  isShuttingDown,
}: ReadinessOptions): () => Promise<Readiness> {
  const recent = new LRUCache<'checks', Promise<Record<string, string>>>({ max: 1, ttl: CACHE_MS })
  const checkOnce = (): Promise<Record<string, string>> => {
    const checking = checkAll(dependencies, telemetry)
    recent.set('checks', checking)
    return checking
  }
  return async () => {
    const checks = await (recent.get('checks') ?? checkOnce())
    const missing = dependencies.filter(({ name }) => checks[name] !== 'up')
    const ready = !isShuttingDown() && !missing.some(({ required }) => required)
    return { status: ready ? (missing.length > 0 ? 'degraded' : 'ready') : 'unavailable', checks }
  }
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
