import cluster from 'node:cluster'
import type { Log } from '../telemetry/log.js'
import { FAILED, MISCONFIGURED } from './exit-codes.js'
import { Gathering } from './gathering.js'
import { Slot } from './slot.js'
import { type Ending, WorkerProcess } from './worker-process.js'

export interface CrewOptions {
  readonly size: number
  readonly shutdownTimeoutMs: number
  readonly log: Log
  /** A worker is misconfigured, or none of them can start: to go on is of no use. */
  readonly onHopeless: (reason: string, exitCode: number) => void
}

/** How long there may be no worker that is ready, in milliseconds, once there has been one. */
const HOPELESS_MS = 60_000

/** The workers, each in its slot. */
export class Crew {
  readonly #options: CrewOptions
  readonly #slots: readonly Slot[]
  readonly #gathering = new Gathering()
  /** Null: that of the configuration. */
  #logLevel: string | null = null
  /** Since when none is ready, by the steady clock; null while one is. */
  #desertedAt: number | null = null
  #everReady = false
  #deaths = 0

  constructor(options: CrewOptions) {
    this.#options = options
    const { size, shutdownTimeoutMs, log } = options
    const slot = {
      fork: () => this.#fork(),
      onDied: (worker: WorkerProcess, ending: Ending, againInMs: number) =>
        this.#died(worker, ending, againInMs),
      onKilled: ({ pid }: WorkerProcess) => log.event('worker.killed', { worker_pid: pid }),
      shutdownTimeoutMs,
    }
    this.#slots = Array.from({ length: size }, () => new Slot(slot))
  }

  /** Resolves when every worker has been ready once, to where they listen; never, when that does not happen. */
  async start(): Promise<string> {
    for (const slot of this.#slots) slot.start()
    const [url] = await Promise.all(this.#slots.map((slot) => slot.firstReady))
    return url ?? ''
  }

  /** One after the other makes room for a new worker. Rejects when a new one does not become ready; the others stay. */
  async renew(): Promise<void> {
    for (const slot of this.#slots) await slot.renew()
  }

  setLogLevel(level: string): void {
    this.#logLevel = level
    for (const worker of this.#workers()) worker.setLogLevel(level)
  }

  /** Resolves when all have ended, to whether they did so in order. */
  async stop(): Promise<boolean> {
    return (await Promise.all(this.#slots.map((slot) => slot.stop()))).every(Boolean)
  }

  kill(): void {
    for (const worker of this.#workers()) worker.kill()
  }

  #workers(): readonly WorkerProcess[] {
    return this.#slots.flatMap(({ workers }) => workers)
  }

  #fork(): WorkerProcess {
    const worker = new WorkerProcess(cluster.fork(), (answer) => void this.#gathering.gather().then(answer))
    this.#gathering.add(worker)
    void worker.ready.then((url) => {
      if (url === null) return
      this.#everReady = true
      this.#desertedAt = null
      if (this.#logLevel !== null) worker.setLogLevel(this.#logLevel)
    })
    this.#options.log.event('worker.started', { worker_pid: worker.pid })
    return worker
  }

  #died({ pid }: WorkerProcess, ending: Ending, againInMs: number): void {
    const { log, onHopeless } = this.#options
    log.event('worker.died', { worker_pid: pid, ...ending, again_in_ms: againInMs })
    this.#deaths += 1
    const now = performance.now()
    if (!this.#workers().some(({ isReady }) => isReady)) this.#desertedAt ??= now
    if (ending.code === MISCONFIGURED) {
      onHopeless('a worker is misconfigured', MISCONFIGURED)
    } else if (!this.#everReady && this.#deaths >= this.#slots.length) {
      onHopeless(`${this.#deaths} workers have ended before one was ready`, FAILED)
    } else if (this.#desertedAt !== null && now - this.#desertedAt > HOPELESS_MS) {
      onHopeless(`no worker has been ready for ${HOPELESS_MS / 1_000} s`, FAILED)
    }
  }
}
