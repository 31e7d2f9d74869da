import type { Ending, WorkerProcess } from './worker-process.js'

export interface SlotOptions {
  readonly fork: () => WorkerProcess
  /** It ended without having been asked to, and another one takes its place after `againInMs`. */
  readonly onDied: (worker: WorkerProcess, ending: Ending, againInMs: number) => void
  /** It did not stop in time. */
  readonly onKilled: (worker: WorkerProcess) => void
  readonly shutdownTimeoutMs: number
}

/** Who ends within this time has died young. */
const YOUNG_MS = 30_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** How long a worker may take to be ready when it is to replace another one: it may have to migrate the schema. */
const START_MS = 120_000

/** The place of one worker: whoever dies there is replaced, the later the more of them have died young. */
export class Slot {
  /** Resolves, to where it listens, when a worker was ready here for the first time. */
  readonly firstReady: Promise<string>
  readonly #options: SlotOptions
  #markReady: (url: string) => void = () => undefined
  #current: WorkerProcess | null = null
  /** That is to take over from the current one. */
  #next: WorkerProcess | null = null
  /** That the current one has taken over from. */
  #former: WorkerProcess | null = null
  #youngDeaths = 0
  #pause: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: SlotOptions) {
    this.#options = options
    this.firstReady = new Promise((resolve) => {
      this.#markReady = resolve
    })
  }

  get workers(): readonly WorkerProcess[] {
    return [this.#current, this.#next, this.#former].filter((worker) => worker !== null)
  }

  start(): void {
    this.#occupy(this.#options.fork())
  }

  /**
   * Puts another worker in the place of this one: it is ready before this one stops. Rejects when it does not
   * become ready; then everything stays as it is.
   */
  async renew(): Promise<void> {
    if (this.#stopped) return
    clearTimeout(this.#pause)
    const next = this.#options.fork()
    this.#next = next
    const deadline = setTimeout(() => next.kill(), START_MS)
    const url = await next.ready
    clearTimeout(deadline)
    this.#next = null
    if (this.#stopped) return
    if (url === null) {
      if (this.#current === null) this.#startAfter(LONGEST_PAUSE_MS)
      throw new Error(`the new worker did not become ready: ${write(await next.ended)}`)
    }
    this.#former = this.#current
    this.#occupy(next)
    if (this.#former !== null) await this.#stop(this.#former, 'retire')
    this.#former = null
  }

  /** Resolves when its workers have ended, to whether all of them did so in order. */
  async stop(): Promise<boolean> {
    this.#stopped = true
    clearTimeout(this.#pause)
    const orderly = await Promise.all(this.workers.map((worker) => this.#stop(worker, 'stop')))
    return orderly.every(Boolean)
  }

  async #stop(worker: WorkerProcess, kind: 'stop' | 'retire'): Promise<boolean> {
    const { killed, ending } = await worker.stop(kind, this.#options.shutdownTimeoutMs)
    if (killed) this.#options.onKilled(worker)
    return ending.code === 0
  }

  #occupy(worker: WorkerProcess): void {
    this.#current = worker
    void worker.ready.then((url) => {
      if (url !== null) this.#markReady(url)
    })
    void worker.ended.then((ending) => this.#ended(worker, ending))
  }

  #ended(worker: WorkerProcess, ending: Ending): void {
    if (this.#current !== worker) return
    this.#current = null
    if (worker.isStopping) return
    this.#youngDeaths = worker.ageMs < YOUNG_MS ? this.#youngDeaths + 1 : 0
    const pauseMs =
      this.#youngDeaths === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#youngDeaths - 1))
    this.#options.onDied(worker, ending, pauseMs)
    // One that is about to take over does so all the same.
    if (!this.#stopped && this.#next === null) this.#startAfter(pauseMs)
  }

  #startAfter(ms: number): void {
    this.#pause = setTimeout(() => this.start(), ms)
  }
}

const write = ({ code, signal, err }: Ending): string =>
  err?.message ?? (signal === null ? `it ended with ${code}` : `it was ended by ${signal}`)
