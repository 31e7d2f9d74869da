import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { type Daemon, startDaemon } from './daemon.js'
import { type PostgresOptions, startPostgres, type TestPostgres } from './postgres.js'
import { type RedisServer, startRedis } from './redis.js'

/** A PostgreSQL and a Redis of one's own, and what daemons need to use them together. */
export interface Stack {
  readonly postgres: TestPostgres
  readonly redis: RedisServer
  readonly env: Readonly<Record<string, string>>
}

export async function startStack(t: Pick<Test, 'teardown'>, options: PostgresOptions = {}): Promise<Stack> {
  const [postgres, redis] = await Promise.all([startPostgres(options), startRedis()])
  t.teardown(() => Promise.all([postgres.destroy(), redis.stop()]))
  const { connection } = postgres
  if (connection.kind !== 'params') throw new Error('the test server is reached by its parameters')
  const { host, port, database, user } = connection
  return {
    postgres,
    redis,
    env: {
      DB_HOST: host,
      DB_PORT: `${port}`,
      DB_NAME: database,
      DB_USER: user ?? '',
      REDIS_URL: redis.url,
      AUTH_JWT_SECRET: randomBytes(32).toString('hex'),
    },
  }
}

export interface Haste {
  /** Webhooks at once. */
  readonly slots: number
  /** Of one attempt, in seconds; the lease is as short as the configuration allows then. */
  readonly timeout?: number
}

const LEASE_MARGIN_S = 10

/** Everything as short as the configuration allows. */
export function hasty({ slots, timeout = 1 }: Haste): JsonObject {
  const delivery = { timeout: `${timeout}s`, tries: 1 }
  return {
    channels: {
      email: delivery,
      websocket: delivery,
      webhook: { ...delivery, slots, retry: { delays: ['1s', '1s', '1s', '1s', '1s'], jitter: 0 } },
    },
    queue: { lease: `${timeout + LEASE_MARGIN_S}s`, sweep_interval: '500ms', sweep_grace: '1s' },
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    server: { shutdown_timeout: '20s' },
  }
}

/** How the service is run: by itself, or on servers that outlive it. */
export const MODES: Readonly<Record<string, (t: Pick<Test, 'teardown'>) => Promise<Partial<Stack>>>> = {
  embedded: async () => ({}),
  'PostgreSQL and Redis': startStack,
}

/** A daemon that calls webhooks on this machine and hurries. */
export const startHasty = (
  t: Pick<Test, 'teardown'>,
  { env }: Partial<Stack>,
  haste: Haste,
): Promise<Daemon> => startDaemon(t, { config: hasty(haste), env: { WEBHOOK_ALLOW_PRIVATE: 'true', ...env } })
