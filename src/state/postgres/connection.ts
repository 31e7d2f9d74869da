import type { ClientConfig } from 'pg'

/** Where a PostgreSQL database is reached. `host` may be the directory of a Unix socket. */
export type Connection =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'params'
      readonly host: string
      readonly port: number
      readonly database: string
      /** Null: as libpq does it, `PGUSER` or the name of the system user. */
      readonly user: string | null
      /** Null: as libpq does it, `PGPASSWORD` or `~/.pgpass`. */
      readonly password: string | null
    }

/** The part of a client's settings that says where to connect. */
export function addressOf(connection: Connection): ClientConfig {
  if (connection.kind === 'url') return { connectionString: connection.url }
  const { host, port, database, user, password } = connection
  return {
    host,
    port,
    database,
    user: user ?? undefined,
    password: password ?? undefined,
    // A local socket has no TLS, whatever PGSSLMODE says; for others pg follows PGSSLMODE.
    ...(host.startsWith('/') ? { ssl: false } : {}),
  }
}
