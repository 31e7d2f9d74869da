import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { mintToken } from '../../src/api/auth/mint.js'
import type { Role } from '../../src/api/ports.js'
import type { JsonObject } from '../../src/model/json.js'
import { isAlive, runningPid, signal } from '../../src/state/postgres/embedded-pidfile.js'
import { Client } from './client.js'
import { type Exit, launchDaemon, type Process, type Records } from './daemon-process.js'
import type { LogLine } from './telemetry.js'
import { eventually, Watch } from './waiting.js'

export const TENANT = 'acme'
const START_MS = 60_000
const STOP_MS = 40_000

type Environment = Readonly<Record<string, string>>

export interface DaemonOptions {
  /** What differs from `config.yaml`. */
  readonly config?: JsonObject
  readonly env?: Environment
  /** That of another daemon; by default one of its own, which goes with the test. */
  readonly dataDir?: string
}

/** A daemon as a user runs it: a process, reached over its sockets only. */
export class Daemon {
  readonly dataDir: string
  readonly #home: string
  readonly #env: Environment
  readonly #records: Records
  readonly #clients: Client[] = []
  #process: Process
  #url: string | null = null

  private constructor(home: string, dataDir: string, env: Environment, records: Records, process: Process) {
    this.#home = home
    this.dataDir = dataDir
    this.#env = env
    this.#records = records
    this.#process = process
  }

  static async spawn(t: Pick<Test, 'teardown'>, options: DaemonOptions = {}): Promise<Daemon> {
    const home = await mkdtemp(join(tmpdir(), 'notification-daemon-'))
    const dataDir = options.dataDir ?? join(home, 'data')
    const env: Record<string, string> = {
      DATA_DIR: dataDir,
      PORT: '0',
      GRPC_PORT: '0',
      // Receivers here get more than anybody's would.
      WEBHOOK_PER_URL_PER_MINUTE: '0',
      ...options.env,
    }
    if (options.config !== undefined) {
      env.CONFIG_FILE = join(home, 'config.yaml')
      await writeFile(env.CONFIG_FILE, JSON.stringify(options.config))
    }
    const disarm = guardAgainstOrphans(home)
    const records: Records = { raw: [], lines: [], watch: new Watch(), stderr: '' }
    const daemon = new Daemon(home, dataDir, env, records, await launchDaemon(home, env, records))
    t.teardown(async () => {
      await daemon.#end()
      await rm(home, { recursive: true, force: true })
      disarm()
    })
    return daemon
  }

  /** Where it listens; throws while it is not ready. */
  get url(): string {
    if (this.#url === null) throw new Error('the daemon is not ready')
    return this.#url
  }

  get pid(): number {
    return this.#process.pid
  }

  /** Of all its lives. */
  get lines(): readonly LogLine[] {
    return this.#records.lines
  }

  /** As they were written. */
  get rawLines(): readonly string[] {
    return this.#records.raw
  }

  get stderr(): string {
    return this.#records.stderr
  }

  async ready(): Promise<this> {
    const { url } = await this.#records.watch.until(
      () => {
        const exit = this.#process.exit()
        if (exit !== null) throw new Error(`The daemon ended: ${JSON.stringify([exit, this.#records.raw])}`)
        return this.#current().find(({ event }) => event === 'service.ready')
      },
      'the daemon to be ready',
      START_MS,
    )
    if (typeof url !== 'string') throw new Error('the daemon does not say where it listens')
    this.#url = url
    return this
  }

  /** The first line of an event in this life, once it is there. */
  logged(event: string): Promise<LogLine> {
    return this.#records.watch.until(
      () => this.#current().find((line) => line.event === event),
      `the daemon to log ${event}`,
      START_MS,
    )
  }

  exited(): Promise<Exit> {
    return this.#records.watch.until(() => this.#process.exit(), 'the daemon to end', STOP_MS)
  }

  signal(name: NodeJS.Signals): void {
    this.#process.child.kill(name)
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited()
  }

  /** Resolves to how it ended. */
  async term(): Promise<Exit> {
    this.signal('SIGTERM')
    return this.exited()
  }

  /** Begins anew with the same configuration and data, at another port. */
  async restart(): Promise<void> {
    this.#url = null
    this.#process = await launchDaemon(this.#home, this.#env, this.#records)
    await this.ready()
  }

  async secret(): Promise<string> {
    return this.#env.AUTH_JWT_SECRET ?? (await readFile(join(this.dataDir, 'jwt-secret'), 'utf8')).trim()
  }

  async token(subject: string, roles: readonly Role[], tenantId = TENANT): Promise<string> {
    return mintToken(await this.secret(), { subject, tenantId, roles, expiresInSeconds: 3_600 })
  }

  /** Somebody with a token, over connections of their own. */
  async client(subject: string, roles: readonly Role[], tenantId = TENANT): Promise<Client> {
    const client = new Client(() => this.url, {
      subject,
      tenantId,
      token: await this.token(subject, roles, tenantId),
    })
    this.#clients.push(client)
    return client
  }

  sender(tenantId = TENANT): Promise<Client> {
    return this.client('service', ['sender'], tenantId)
  }

  /** Of the PostgreSQL that it runs. */
  async postgresPid(): Promise<number> {
    const pid = await runningPid(join(this.dataDir, 'postgres'))
    if (pid === null) throw new Error('it runs no PostgreSQL')
    return pid
  }

  /** Resident memory in MB; of this process only. */
  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  }

  #current(): readonly LogLine[] {
    return this.#records.lines.slice(this.#process.firstLine)
  }

  async #end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    this.signal('SIGCONT')
    if (this.#process.exit() === null) await this.term().catch(() => this.kill9())
    // A daemon that was killed leaves its PostgreSQL behind, for the next one.
    const postgres = await runningPid(join(this.#home, 'data', 'postgres'))
    if (postgres === null) return
    signal(postgres, 'SIGQUIT')
    await eventually(async () => !isAlive(postgres), 'PostgreSQL to end')
  }
}

/** A daemon that is ready. */
export async function startDaemon(t: Pick<Test, 'teardown'>, options: DaemonOptions = {}): Promise<Daemon> {
  return (await Daemon.spawn(t, options)).ready()
}

/** A runner may kill this process; the shell then sees its stdin close, and ends what runs in the folder. */
function guardAgainstOrphans(home: string): () => void {
  const script = `read _; cd "$1" || exit
    kill -KILL "$(cat daemon.pid)"; kill -QUIT "$(head -n 1 data/postgres/postmaster.pid)"
    sleep 1; rm -rf "$1"`
  const shell = spawn('/bin/sh', ['-c', script, 'sh', home], {
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
