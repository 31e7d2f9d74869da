import pg from 'pg'
import type { Log } from '../../telemetry/log.js'
import { addressOf, type Connection } from './connection.js'

const CONNECT_TIMEOUT_MS = 2_000
const IDLE_TIMEOUT_MS = 60_000
/** How much longer than the server's own timeout we wait for a server that no longer answers. */
const ANSWER_MARGIN_MS = 2_000

/**
 * Every statement finds its rows by an index. A plan that was made and kept while a table was
 * nearly empty would read all of it again and again once it has grown.
 */
const PLANNER = '-c enable_seqscan=off'

export interface PoolOptions {
  readonly size: number
  readonly statementTimeoutMs: number
  readonly log: Log
}

/**
 * A pool whose every wait has an end: for a connection 2 s, for a statement `statementTimeoutMs`.
 * `timestamptz` reads as epoch milliseconds, `int8` as a number, `json` and `jsonb` parsed.
 * Whoever checks a client out releases it with the error when one occurred, so that a broken
 * connection is not used again.
 */
export function createPool(connection: Connection, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...addressOf(connection),
    max: options.size,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + ANSWER_MARGIN_MS,
    keepAlive: true,
    application_name: 'notification-service',
    options: PLANNER,
    types: columnTypes(),
  })
  pool.on('error', (err) => options.log.event('postgres.connection_lost', { err }))
  return pool
}

/** How columns are read, for clients outside the pool too. */
export function columnTypes(): pg.TypeOverrides {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, epochMs)
  types.setTypeParser(pg.types.builtins.INT8, safeInteger)
  return types
}

function epochMs(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new RangeError(`PostgreSQL gave the time ${text}, which is no instant`)
  return ms
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`PostgreSQL gave ${text}, which a number cannot hold`)
  return value
}
