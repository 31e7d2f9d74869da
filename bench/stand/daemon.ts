import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { request } from 'undici'
import type { DatabaseAddress } from './databases.js'
import { endWithUs } from './end-with-us.js'
import { SECRET } from './token.js'

const MAIN = 'dist/main.js'
const STOPS_WITHIN_MS = 20_000

/**
 * The shipped configuration, but for limits that would refuse what is measured: the
 * stages count as ever, and no recipient gets to the limit.
 */
const SETTINGS = `
rate_limit: { max_per_user_per_hour: 1000000, max_per_user_per_day: 1000000 }
api_rate_limit: { user_per_minute: 0, sender_per_minute: 0 }
channels: { websocket: { max_connections: 20000 }, webhook: { per_url_per_minute: 0 } }
`

export interface Daemon {
  readonly url: string
  readonly grpcUrl: string
  readonly database: DatabaseAddress
  /** Where the inspector listens; empty when it was not asked for. */
  readonly inspector: string
  metric(name: string): Promise<number>
  /** Of this process, user and system, since it began. */
  cpuSeconds(): Promise<number>
  /** Resolves when nothing is ready or on its way any more. */
  drained(): Promise<void>
  stop(): Promise<void>
}

/** `dist/main.js` in a process of its own, on a database of ours and with its index in memory. */
export async function startDaemon(
  folder: string,
  database: DatabaseAddress,
  {
    inspect = false,
    env = {},
    settings = '',
  }: {
    readonly inspect?: boolean
    readonly env?: Record<string, string>
    /** Sections besides those above, in YAML. */
    readonly settings?: string
  } = {},
): Promise<Daemon> {
  const home = await mkdtemp(join(folder, 'daemon-'))
  await mkdir(join(home, 'data'))
  const configFile = join(home, 'config.yaml')
  await writeFile(configFile, SETTINGS + settings)
  const child = spawn(process.execPath, [...(inspect ? ['--inspect=127.0.0.1:0'] : []), MAIN], {
    stdio: ['ignore', 'pipe', inspect ? 'pipe' : 'inherit'],
    env: {
      PATH: process.env.PATH,
      CONFIG_FILE: configFile,
      PORT: '0',
      GRPC_PORT: '0',
      DATA_DIR: join(home, 'data'),
      DB_HOST: database.host,
      DB_PORT: String(database.port),
      DB_NAME: database.database,
      DB_USER: database.user ?? '',
      AUTH_JWT_SECRET: SECRET,
      ...env,
    },
  })
  if (child.pid === undefined) throw new Error(`${MAIN} cannot be started`)
  const release = endWithUs(child.pid, 'KILL')
  const inspector = inspect ? await inspectorOf(child) : ''
  const { url, grpcUrl } = await urlsOf(child)
  return {
    url,
    grpcUrl,
    database,
    inspector,
    metric: (name) => metricOf(url, name),
    cpuSeconds: () => metricOf(url, 'notification_process_cpu_seconds_total'),
    drained: () => drained(url),
    stop: async () => {
      await stop(child)
      release()
    },
  }
}

async function urlsOf(child: ChildProcess): Promise<{ readonly url: string; readonly grpcUrl: string }> {
  if (child.stdout === null) throw new Error('the daemon has no stdout')
  const lines = createInterface(child.stdout)
  const last: string[] = []
  for await (const line of lines) {
    last.push(line)
    const url = /"url":"([^"]+)"/.exec(line)?.[1]
    if (url === undefined || !line.includes('service.ready')) continue
    child.stdout.removeAllListeners('data')
    // Its log is written and read, and then of no interest.
    child.stdout.resume()
    return { url, grpcUrl: /"grpc_url":"([^"]+)"/.exec(line)?.[1] ?? '' }
  }
  throw new Error(`${MAIN} ended before it was ready:\n${last.slice(-5).join('\n')}`)
}

async function inspectorOf(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('the daemon has no stderr')
  let text = ''
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    const url = /ws:\/\/\S+/.exec(text)?.[0]
    if (url === undefined) continue
    child.stderr.resume()
    return url
  }
  throw new Error(`the daemon has no inspector: ${text}`)
}

async function metricOf(url: string, name: string): Promise<number> {
  const { body } = await request(`${url}/metrics`)
  let sum = 0
  for (const line of (await body.text()).split('\n')) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.split(' ').at(-1))
  }
  return sum
}

async function drained(url: string): Promise<void> {
  const underWay = async (): Promise<number> =>
    (await metricOf(url, 'notification_queue_depth')) +
    (await metricOf(url, 'notification_deliveries_in_flight'))
  // The depth is measured once a second.
  for (let quiet = 0; quiet < 3; ) {
    quiet = (await underWay()) === 0 ? quiet + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
  child.kill('SIGTERM')
  await once(child, 'exit')
  clearTimeout(timer)
}
