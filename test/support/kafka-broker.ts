import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export type KafkaKind = 'apache' | 'librdkafka'

/** A broker of one's own, to crash. */
export interface KafkaBroker {
  readonly kind: KafkaKind
  /** host:port */
  readonly address: string
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Begins again after `kill`, with the same address and data. Not librdkafka's: it keeps nothing. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Tests and benchmarks run in the project's folder, though not from the same place in it. */
const SCRIPT = resolve('scripts/kafka')

/** By scripts/kafka: it ends the broker when this process is gone. */
export async function startKafka(): Promise<KafkaBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'kafka-test-'))
  let running = await launch(folder)
  const { kind, address } = running
  const kill = async (): Promise<void> => {
    if (running.script.exitCode !== null) return
    const ended = once(running.script, 'exit')
    process.kill(running.pid, 'SIGKILL')
    await ended
  }
  return {
    kind,
    address,
    kill,
    restart: async () => {
      running = await launch(folder)
    },
    stop: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Running {
  readonly kind: KafkaKind
  readonly address: string
  readonly pid: number
  readonly script: ChildProcess
}

async function launch(folder: string): Promise<Running> {
  const script = spawn(SCRIPT, [folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  for await (const line of createInterface(script.stdout)) {
    const [kind, address, pid] = line.split(' ')
    if ((kind === 'apache' || kind === 'librdkafka') && address !== undefined) {
      return { kind, address, pid: Number(pid), script }
    }
  }
  throw new Error('scripts/kafka started no broker')
}
