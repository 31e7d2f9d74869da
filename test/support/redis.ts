import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { connectRedis, type RedisConnection } from '../../src/state/redis/connection.js'
import { createLog } from '../../src/telemetry/log.js'

export interface RedisServer {
  readonly url: string
  /** Ends it and removes its folder. */
  stop(): Promise<void>
  /** Ends it as a crash would. All data is lost. */
  kill(): Promise<void>
  /** Begins again after `kill`, empty, on the same port. */
  restart(): Promise<void>
  /** Makes it hang: connections stay, nothing is answered. */
  pause(): void
  resume(): void
}

/**
 * A real redis-server on a free port that keeps nothing on disk.
 * `cluster`: as the only node of a Redis Cluster, which refuses commands whose keys lie in several slots.
 */
export async function startRedis(options: { readonly cluster?: boolean } = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-test-'))
  const [port, busPort] = await Promise.all([freePort(), freePort()])
  const settings = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  if (options.cluster) settings.push('--cluster-enabled', 'yes', '--cluster-port', `${busPort}`)
  let server: ChildProcess | null = await launch(settings)
  if (options.cluster) await formCluster(port)
  let guard = guardAgainstOrphans(server, folder)
  const kill = async () => {
    const running = server
    server = null
    if (running === null || running.exitCode !== null) return
    running.kill('SIGKILL')
    await once(running, 'exit')
    guard.kill('SIGKILL')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
    async restart() {
      server = await launch(settings)
      guard = guardAgainstOrphans(server, folder)
    },
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
  }
}

/** A connection that stands, with keys of its own unless a prefix is given; closed when the test ends. */
export async function testConnection(
  t: Pick<Test, 'teardown'>,
  server: RedisServer,
  prefix: string = newPrefix(),
): Promise<RedisConnection> {
  const connection = connectRedis({ address: server.url, prefix }, createLog('silent'))
  t.teardown(() => connection.close())
  await connection.connected(AbortSignal.timeout(10_000))
  return connection
}

export const newPrefix = (): string => `test-${randomBytes(6).toString('hex')}`

/** Gives the node all slots and waits until it serves them; there is nothing to await but its own word. */
async function formCluster(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1')
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  while (!`${await redis.call('CLUSTER', 'INFO')}`.includes('cluster_state:ok')) await delay(20)
  await redis.quit()
}

async function launch(settings: readonly string[]): Promise<ChildProcess> {
  const server = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  try {
    await once(server, 'spawn')
  } catch (cause) {
    throw new Error('These tests need redis-server: apt-get install redis-server', { cause })
  }
  for await (const line of createInterface(server.stdout)) {
    lines.push(line)
    if (line.includes('Ready to accept connections')) {
      server.stdout.resume()
      return server
    }
  }
  throw new Error(`redis-server did not start:\n${lines.join('\n')}`)
}

/** A runner may kill this process; the shell then sees its stdin close, and ends the server too. */
function guardAgainstOrphans(server: ChildProcess, folder: string): ChildProcess {
  const script = 'read _; kill -KILL "$1"; rm -rf "$2"'
  return spawn('/bin/sh', ['-c', script, 'sh', `${server.pid}`, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port was given')
  return address.port
}
