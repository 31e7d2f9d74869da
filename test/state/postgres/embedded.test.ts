import { type ChildProcess, fork } from 'node:child_process'
import { on, once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { addressOf, type Connection } from '../../../src/state/postgres/connection.js'
import { startEmbedded } from '../../../src/state/postgres/embedded.js'
import { accountFor, chooseLauncher, run } from '../../../src/state/postgres/embedded-account.js'
import { findBinaries } from '../../../src/state/postgres/embedded-binaries.js'
import { isAlive } from '../../../src/state/postgres/embedded-pidfile.js'
import { type RecordedLog, recordLog } from '../../support/recorded-log.js'

const DAEMON = fileURLToPath(new URL('../../support/embedded-daemon.ts', import.meta.url))

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'notification-embedded-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** An embedded server that the test stops at its end. */
async function start(t: Test, dataDir: string, log: RecordedLog = recordLog()) {
  const postgres = await startEmbedded({ dataDir, log, onLost: (err) => t.fail(err.message) })
  t.teardown(() => postgres.stop())
  return postgres
}

async function ask(connection: Connection, sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ ...addressOf(connection), connectionTimeoutMillis: 2000 })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0]
  } finally {
    await client.end()
  }
}

/** Resolves when the daemon uses the folder. The runner's loader sends messages of its own. */
async function ready(daemon: ChildProcess): Promise<void> {
  for await (const [message] of on(daemon, 'message', { signal: AbortSignal.timeout(60_000) })) {
    if (message === 'ready') return
  }
}

/** Used by one test after the other: making a cluster costs a second. */
const used = await temporary(t)

const pidOf = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])

t.test('a first start makes a cluster that is durable and private', async (t) => {
  const dataDir = join(await temporary(t), 'a', 'b')
  const log = recordLog()
  const postgres = await startEmbedded({ dataDir, log, onLost: t.fail })
  const { connection } = postgres
  const settings = `SELECT ${[
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'data_checksums',
    'listen_addresses',
    'server_encoding',
    'timezone',
    'wal_compression',
    'jit',
  ]
    .map((name) => `current_setting('${name}') AS ${name}`)
    .join(', ')}`
  t.same(await ask(connection, settings), {
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    data_checksums: 'on',
    listen_addresses: '',
    server_encoding: 'UTF8',
    timezone: 'UTC',
    wal_compression: 'pglz',
    jit: 'off',
  })
  if (connection.kind !== 'params') return t.fail('reached by its socket')
  t.equal((await stat(connection.host)).mode & 0o777, 0o700, 'nobody else gets at the socket')
  t.equal((await stat(join(dataDir, 'postgres'))).mode & 0o777, 0o700)
  const pid = await pidOf(dataDir)
  await postgres.stop()
  t.notOk(isAlive(pid))
  t.same(
    log.lines.map((line) => line.event),
    ['postgres.embedded_started', 'postgres.embedded_stopped'],
  )
})

t.test('the server of a daemon that was killed is adopted, with what was committed', async (t) => {
  const dataDir = used
  const daemon = fork(DAEMON, [dataDir])
  await ready(daemon)
  const pid = await pidOf(dataDir)
  daemon.kill('SIGKILL')
  await once(daemon, 'exit')
  t.ok(isAlive(pid), 'it runs on without the daemon')

  const log = recordLog()
  const postgres = await start(t, dataDir, log)
  t.equal(await pidOf(dataDir), pid)
  t.equal(log.count('postgres.embedded_adopted'), 1)
  t.same(await ask(postgres.connection, 'SELECT 1 AS one'), { one: 1 })
})

t.test('two daemons cannot use one DATA_DIR', async (t) => {
  const dataDir = used
  const first = await start(t, dataDir)
  await t.rejects(startEmbedded({ dataDir, log: recordLog(), onLost: t.fail }), {
    message: `Another daemon uses the DATA_DIR ${dataDir}. Stop it, or give this one a DATA_DIR of its own.`,
  })
  t.same(await ask(first.connection, 'SELECT 1 AS one'), { one: 1 }, 'the first is not harmed')
})

t.test('two daemons that start at once on a new DATA_DIR: one gets it', async (t) => {
  const dataDir = await temporary(t)
  const daemon = fork(DAEMON, [dataDir], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const theirs = Promise.race([ready(daemon).then(() => 'won'), once(daemon, 'exit').then(() => 'lost')])
  const log = recordLog()
  const ours = startEmbedded({ dataDir, log, onLost: t.fail }).then(
    (postgres) => ({ outcome: 'won', postgres }),
    (err: Error) => ({
      outcome: err.message.startsWith('Another daemon uses') ? 'lost' : err.message,
      postgres: null,
    }),
  )
  const { outcome, postgres } = await ours
  t.same([outcome, await theirs].sort(), ['lost', 'won'])
  if (postgres) return postgres.stop()
  daemon.kill('SIGKILL')
  await once(daemon, 'exit')
  await start(t, dataDir, log)
})

t.test('a server that is killed is started again and recovers what was committed', async (t) => {
  const dataDir = used
  const log = recordLog()
  const { connection } = await start(t, dataDir, log)
  await ask(connection, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n')
  const pid = await pidOf(dataDir)
  const back = Promise.all([log.next('postgres.embedded_started'), log.next('postgres.owner_lock_retaken')])
  process.kill(pid, 'SIGKILL')
  await back
  t.not(await pidOf(dataDir), pid)
  t.same(await ask(connection, 'SELECT count(*)::int AS n FROM kept'), { n: 1000 })
  await t.rejects(
    startEmbedded({ dataDir, log: recordLog(), onLost: t.fail }),
    /Another daemon uses/,
    'the DATA_DIR is still ours',
  )
})

t.test('a pid file that a crash left behind does not keep the server from starting', async (t) => {
  const dataDir = used
  const first = await startEmbedded({ dataDir, log: recordLog(), onLost: t.fail })
  const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8')
  await first.stop()
  const cases: readonly (readonly [string, number])[] = [
    ['a pid that is free', 2 ** 22 - 1],
    ['the pid of another program', process.pid],
  ]
  for (const [name, pid] of cases) {
    await writeFile(pidFile, text.replace(/^\d+/, String(pid)))
    const log = recordLog()
    const again = await startEmbedded({ dataDir, log, onLost: t.fail })
    t.equal(log.count('postgres.embedded_started'), 1, name)
    await again.stop()
  }
})

t.test('a copy of the folder of a running server is a server of its own', async (t) => {
  const dataDir = await temporary(t)
  const original = await start(t, join(dataDir, 'original'))
  await cp(join(dataDir, 'original', 'postgres'), join(dataDir, 'copy', 'postgres'), {
    recursive: true,
    preserveTimestamps: true,
  })
  const { uid, gid } = await stat(join(dataDir, 'original', 'postgres'))
  if (process.getuid?.() === 0) {
    await run('chown', ['-R', `${uid}:${gid}`, join(dataDir, 'copy', 'postgres')], {}, 10_000)
  }
  const copy = await start(t, join(dataDir, 'copy'))
  await ask(copy.connection, 'CREATE TABLE only_here (n int)')
  await t.rejects(ask(original.connection, 'SELECT * FROM only_here'), { code: '42P01' })
})

t.test('a first start that was killed half way is begun anew', async (t) => {
  const dataDir = await temporary(t)
  const half = join(dataDir, `postgres.init-${2 ** 22 - 1}`)
  await mkdir(half)
  await writeFile(join(half, 'PG_VERSION'), '18\n')
  const { connection } = await start(t, dataDir)
  t.same(await ask(connection, 'SELECT 1 AS one'), { one: 1 })
  await t.rejects(stat(half), { code: 'ENOENT' })
})

t.test('a DATA_DIR whose path is too long for a socket has it in the temporary directory', async (t) => {
  const dataDir = join(await temporary(t), 'long'.repeat(30))
  const { connection } = await start(t, dataDir)
  if (connection.kind !== 'params') return t.fail('reached by its socket')
  t.teardown(() => rm(connection.host, { recursive: true, force: true }))
  t.equal(dirname(connection.host), tmpdir())
  t.equal((await stat(connection.host)).mode & 0o777, 0o700)
  t.same(await ask(connection, 'SELECT 1 AS one'), { one: 1 })
})

t.test('a log that has grown large is put aside at the start', async (t) => {
  const dataDir = used
  const path = join(dataDir, 'postgres.log')
  await writeFile(path, '')
  await truncate(path, 11 * 1024 * 1024)
  await start(t, dataDir)
  t.equal((await stat(`${path}.1`)).size, 11 * 1024 * 1024)
  t.ok((await stat(path)).size < 10_000)
})

t.test('what PostgreSQL says is in the error when it does not start', async (t) => {
  const dataDir = await temporary(t)
  const first = await startEmbedded({ dataDir, log: recordLog(), onLost: t.fail })
  await first.stop()
  await rm(join(dataDir, 'postgres', 'global', 'pg_control'))
  await t.rejects(startEmbedded({ dataDir, log: recordLog(), onLost: t.fail }), /does not start.*pg_control/s)
})

t.test(
  'as root, binaries and data below a folder that only root may enter are reached',
  { skip: process.getuid?.() === 0 ? false : 'needs root' },
  async (t) => {
    const closed = await temporary(t)
    const native = dirname(dirname((await findBinaries()).postgres))
    await cp(native, join(closed, 'native'), { recursive: true, verbatimSymlinks: true })
    const binaries = {
      initdb: join(closed, 'native', 'bin', 'initdb'),
      postgres: join(closed, 'native', 'bin', 'postgres'),
    }
    const account = await accountFor(join(closed, 'none'))
    t.not(account?.uid, 0)
    for (const mode of [0o755, 0o700]) {
      await chmod(binaries.postgres, mode)
      await chmod(binaries.initdb, mode)
      const launcher = await chooseLauncher(account, binaries, closed)
      const { file, args, options } = launcher.command(binaries.initdb, ['--version'])
      t.equal(file, 'setpriv')
      t.same(await run(file, args, options, 10_000), { code: 0, output: '' })
    }
    await rm(binaries.postgres)
    await t.rejects(
      chooseLauncher(account, binaries, closed),
      /cannot run as user \d+: .*postgres.*DATABASE_URL/s,
    )
  },
)
