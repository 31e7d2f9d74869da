import type { Settings } from './schema.js'

/** Where a PostgreSQL of one's own is reached. Null: as libpq does it (`PGUSER`, `~/.pgpass`, …). */
export type DatabaseAddress =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'params'
      readonly host: string
      readonly port: number
      readonly database: string
      readonly user: string | null
      readonly password: string | null
    }

interface DatabasePool {
  readonly poolSize: number
  readonly statementTimeoutMs: number
}

/** `embedded`: one that the service runs itself, in its data directory. */
export type Database = DatabasePool &
  ({ readonly kind: 'embedded' } | { readonly kind: 'external'; readonly connection: DatabaseAddress })

export interface RedisAddress {
  /** `host:port`, `redis://…` or `rediss://…`. */
  readonly address: string
  readonly username?: string
  readonly password?: string
  readonly db: number
  readonly prefix: string
}

export function databaseOf(database: Settings['database']): Database {
  const { url, host, port, name, user = null, password = null } = database
  const pool = { poolSize: database.pool_size, statementTimeoutMs: database.statement_timeout }
  if (url) return { kind: 'external', connection: { kind: 'url', url }, ...pool }
  if (!host) return { kind: 'embedded', ...pool }
  return {
    kind: 'external',
    connection: { kind: 'params', host, port, database: name, user, password },
    ...pool,
  }
}

export function redisOf({
  url,
  address,
  db,
  username,
  password,
  prefix,
}: Settings['redis']): RedisAddress | null {
  const where = url ?? address
  if (!where) return null
  return {
    address: where,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    db,
    prefix,
  }
}
