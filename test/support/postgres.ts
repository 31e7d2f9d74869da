import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import tap, { type Test } from 'tap'
import { addressOf, type Connection } from '../../src/state/postgres/connection.js'
import { type Cluster, prepareCluster } from '../../src/state/postgres/embedded-cluster.js'
import { launch, type Server, shutDown } from '../../src/state/postgres/embedded-server.js'
import { createPool } from '../../src/state/postgres/pool.js'
import { createLog, type Log } from '../../src/telemetry/log.js'
import { fakeTime, setTime } from './fake-time.js'

/** A server of one's own, to crash. It is stopped and deleted when the process ends, however that happens. */
export interface TestPostgres {
  readonly connection: Connection
  /** The folder in which the cluster lies, as a `dataDir`. */
  readonly dataDir: string
  /** Ends it in order; `restart` brings it back. */
  stop(): Promise<void>
  /** Kills it as a power cut would, and waits until it is gone. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Sets the clock of one that was started `at` a time. A daemon notices within 30 s; one that starts, at once. */
  jumpTo(time: number): Promise<void>
  /** Stops it and deletes its folder. */
  destroy(): Promise<void>
}

export interface PostgresOptions {
  /** Milliseconds since the epoch: from there its clock runs on. By default it has the true time. */
  readonly at?: number
}

export interface TestDatabase {
  readonly connection: Connection
  readonly pool: pg.Pool
}

let shared: Promise<TestPostgres> | null = null

/**
 * A new database on the cluster of TEST_DATABASE_URL, else on one that is started once in this
 * process. Its pool and the database itself go when the test ends.
 */
export async function testDatabase(t: Pick<Test, 'teardown'>): Promise<TestDatabase> {
  const url = process.env.TEST_DATABASE_URL
  const cluster: Connection = url ? { kind: 'url', url } : (await sharedPostgres()).connection
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer(cluster, `CREATE DATABASE ${name}`)
  const connection = onDatabase(cluster, name)
  const pool = createPool(connection, { size: 10, statementTimeoutMs: 10_000, log: silentLog() })
  t.teardown(async () => {
    await pool.end()
    await administer(cluster, `DROP DATABASE ${name} WITH (FORCE)`)
  })
  return { connection, pool }
}

/** Starts a server in a new folder that only its owner may enter. */
export async function startPostgres({ at }: PostgresOptions = {}): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'notification-test-'))
  const cluster = await prepareCluster(dataDir)
  let server = await launch(cluster)
  let guard = guardAgainstOrphans(cluster, server)
  const { connection } = server
  if (at !== undefined) await fakeTime(connection, at)
  const stop = async (): Promise<void> => {
    await shutDown(server)
    guard()
  }
  return {
    connection,
    dataDir,
    stop,
    kill: async () => {
      process.kill(server.pid, 'SIGKILL')
      await stop()
    },
    restart: async () => {
      server = await launch(cluster)
      guard = guardAgainstOrphans(cluster, server)
    },
    jumpTo: (time) => setTime(connection, time),
    destroy: async () => {
      await stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export const silentLog = (): Log => createLog('silent')

function sharedPostgres(): Promise<TestPostgres> {
  if (!shared) {
    shared = startPostgres()
    tap.teardown(async () => (await shared)?.destroy())
  }
  return shared
}

/** A runner may kill this process; the shell then sees its stdin close, and ends the server with it. */
function guardAgainstOrphans(cluster: Cluster, server: Server): () => void {
  const script = 'read _; kill -QUIT "$1" && sleep 1; rm -rf "$2"'
  const folder = join(cluster.directory, '..')
  const shell = spawn('/bin/sh', ['-c', script, 'sh', String(server.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  const { stdin } = shell
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return () => {
    shell.kill('SIGKILL')
  }
}

async function administer(connection: Connection, sql: string): Promise<void> {
  const client = new pg.Client(addressOf(connection))
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

function onDatabase(cluster: Connection, database: string): Connection {
  if (cluster.kind === 'params') return { ...cluster, database }
  const url = new URL(cluster.url)
  url.pathname = `/${database}`
  return { kind: 'url', url: url.href }
}
