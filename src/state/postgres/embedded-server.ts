import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { addressOf, type Connection } from './connection.js'
import type { Cluster } from './embedded-cluster.js'
import { logTail, openLog } from './embedded-log.js'
import { isAlive, runningPid, signal } from './embedded-pidfile.js'

const START_DEADLINE_MS = 30_000
const FAST_STOP_MS = 10_000
const IMMEDIATE_STOP_MS = 5_000
const POLL_MS = 25
const CONNECT_TIMEOUT_MS = 1_000
/** After a crash the first starts may find its last processes still holding the shared memory. */
const MAX_STARTS = 5
const RESTART_AFTER_MS = 300
const PORT = 5432
const DATABASE = 'notifications'

/** For a small machine. Times are UTC; errors are logged without the row values that DETAIL lines hold. */
const SETTINGS = {
  listen_addresses: '',
  max_connections: '100',
  shared_buffers: '128MB',
  wal_compression: 'on',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

interface Process {
  readonly pid: number
  isAlive(): boolean
}

/** A PostgreSQL that accepts connections. */
export interface Server extends Process {
  /** True when it was running already, left by a daemon that was killed. */
  readonly adopted: boolean
  readonly connection: Connection
}

/** Adopts the server that runs on the cluster, or starts one; rejects when it is not ready within 30 s. */
export async function launch(cluster: Cluster): Promise<Server> {
  const deadline = performance.now() + START_DEADLINE_MS
  for (let starts = 0; starts < MAX_STARTS; ) {
    const running = await runningPid(cluster.directory)
    if (running === null) starts += 1
    const server = running === null ? await start(cluster) : { pid: running, isAlive: () => isAlive(running) }
    if (await becomesReady(cluster, server, deadline)) {
      return { ...server, adopted: running !== null, connection: connectionOf(cluster, DATABASE) }
    }
    await delay(RESTART_AFTER_MS)
  }
  throw new Error(
    `The embedded PostgreSQL does not start. ${cluster.logFile} ends: ${await logTail(cluster.logFile)}`,
  )
}

/** Fast shutdown, and an immediate one when that takes longer than 10 s; the next start then recovers. */
export async function shutDown(server: Process): Promise<void> {
  if (await endsBy(server, 'SIGINT', FAST_STOP_MS)) return
  if (await endsBy(server, 'SIGQUIT', IMMEDIATE_STOP_MS)) return
  throw new Error(`The embedded PostgreSQL (pid ${server.pid}) does not stop`)
}

async function start(cluster: Cluster): Promise<Process> {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const { file, args, options } = cluster.launcher.command(cluster.binaries.postgres, [
    '-D',
    cluster.directory,
    '-k',
    cluster.socketDirectory,
    '-p',
    String(PORT),
    ...settings,
  ])
  const log = await openLog(cluster.logFile)
  try {
    // In a session of its own: Ctrl-C at the terminal is for the daemon, which stops the server last.
    const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', log.fd, log.fd] })
    await once(child, 'spawn')
    child.unref()
    if (child.pid === undefined) throw new Error(`${file} was started without a pid`)
    return { pid: child.pid, isAlive: () => child.exitCode === null && child.signalCode === null }
  } finally {
    await log.close()
  }
}

/** Resolves to false when the server ends first. */
async function becomesReady(cluster: Cluster, server: Process, deadline: number): Promise<boolean> {
  let last: unknown
  while (performance.now() < deadline) {
    try {
      if (await prepareDatabase(cluster, server.pid)) return true
    } catch (err) {
      last = err
    }
    if (!server.isAlive()) return false
    await delay(POLL_MS)
  }
  throw new Error(
    `The embedded PostgreSQL (pid ${server.pid}) is not ready after ${START_DEADLINE_MS / 1000} s. It is left running, ` +
      `since it may be recovering; the next start adopts it. ${cluster.logFile} ends: ${await logTail(cluster.logFile)}`,
    { cause: last },
  )
}

/** Makes our database when it is missing. False when the one that answers is not the process we wait for. */
async function prepareDatabase(cluster: Cluster, pid: number): Promise<boolean> {
  const client = new pg.Client({
    ...addressOf(connectionOf(cluster, 'postgres')),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: START_DEADLINE_MS,
  })
  // A connection that breaks fails the query that is under way; nothing else needs to know.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ pid: number; made: boolean }>(
      `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid,
              EXISTS (SELECT FROM pg_database WHERE datname = $1) AS made`,
      [DATABASE],
    )
    const [row] = rows
    if (row?.pid !== pid) return false
    if (!row.made) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(DATABASE)}`)
    return true
  } finally {
    await client.end()
  }
}

async function endsBy(server: Process, how: NodeJS.Signals, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  if (server.isAlive()) signal(server.pid, how)
  while (server.isAlive()) {
    if (performance.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}

const connectionOf = (cluster: Cluster, database: string): Connection => ({
  kind: 'params',
  host: cluster.socketDirectory,
  port: PORT,
  database,
  user: 'postgres',
  password: '',
})
