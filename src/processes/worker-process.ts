import type { Worker } from 'node:cluster'
import type { Figures } from '../telemetry/figures.js'
import { type FromSupervisor, fromWorker } from './messages.js'

export interface Ending {
  readonly code: number | null
  readonly signal: string | null
  /** Why it never began to run. */
  readonly err?: Error
}

/** How long a worker may take to tell its figures; beyond, the last ones count. In milliseconds. */
const MEASURE_MS = 1_000

/** A worker as its supervisor sees it. */
export class WorkerProcess {
  readonly ended: Promise<Ending>
  /** Resolves to where it listens, or to null when it ended before. */
  readonly ready: Promise<string | null>
  readonly #worker: Worker
  readonly #startedAt = performance.now()
  readonly #measuring = new Map<number, (figures: Figures) => void>()
  /** What it is to be told as soon as it listens: before, Node loses it. Null: it does. */
  #untold: FromSupervisor[] | null = []
  #measured = 0
  #lastFigures: Figures = []
  #isReady = false
  #isStopping = false

  /** @param onGather it asks for the figures of all, and `answer` takes them to it */
  constructor(worker: Worker, onGather: (answer: (figures: readonly Figures[]) => void) => void) {
    this.#worker = worker
    let end: (ending: Ending) => void = () => undefined
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    let markReady: (url: string | null) => void = () => undefined
    this.ready = new Promise((resolve) => {
      markReady = resolve
    })
    // Its last words may be read only after its exit. Of one that is killed while it is handed a connection there is
    // no `disconnect`.
    worker.process.once('close', (code, signal) => end({ code, signal }))
    worker.process.on('error', (err) => {
      // Of one that runs it says that a message did not reach it: then it is about to end.
      if (worker.process.pid === undefined) end({ code: null, signal: null, err })
    })
    void this.ended.then(() => markReady(null))
    worker.process.on('message', (value) => {
      const message = fromWorker(value)
      if (message?.kind === 'listening') {
        this.#tellAll()
      } else if (message?.kind === 'ready') {
        this.#isReady = true
        markReady(message.url)
      } else if (message?.kind === 'figures') {
        this.#lastFigures = message.figures
        if (message.id !== null) this.#measuring.get(message.id)?.(message.figures)
      } else if (message?.kind === 'gather') {
        const { id } = message
        onGather((figures) => this.#send({ kind: 'gathered', id, figures }))
      }
    })
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  /** That it is asked to stop, so that its end is none that has to be made good. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt
  }

  /** As it was known last. */
  get lastFigures(): Figures {
    return this.#lastFigures
  }

  /** Never rejects and never waits long: a worker that is busy is represented by what it told last. */
  measure(): Promise<Figures> {
    if (this.#untold !== null) return Promise.resolve(this.#lastFigures)
    const id = this.#measured
    this.#measured += 1
    return new Promise((resolve) => {
      const settle = (figures: Figures): void => {
        clearTimeout(deadline)
        this.#measuring.delete(id)
        resolve(figures)
      }
      const deadline = setTimeout(() => settle(this.#lastFigures), MEASURE_MS)
      this.#measuring.set(id, settle)
      void this.ended.then(() => settle(this.#lastFigures))
      this.#send({ kind: 'measure', id })
    })
  }

  setLogLevel(level: string): void {
    this.#send({ kind: 'log_level', level })
  }

  /**
   * Lets it stop in order; after `withinMs` it is killed. Resolves when it has ended, to whether that was needed.
   * `retire`: it leaves the port to the others first.
   */
  async stop(
    kind: 'stop' | 'retire',
    withinMs: number,
  ): Promise<{ readonly killed: boolean; readonly ending: Ending }> {
    this.#isStopping = true
    let killed = false
    const deadline = setTimeout(() => {
      killed = true
      this.kill()
    }, withinMs)
    this.#send({ kind })
    const ending = await this.ended
    clearTimeout(deadline)
    return { killed, ending }
  }

  kill(): void {
    this.#isStopping = true
    this.#worker.process.kill('SIGKILL')
  }

  #tellAll(): void {
    const untold = this.#untold ?? []
    this.#untold = null
    for (const message of untold) this.#send(message)
  }

  #send(message: FromSupervisor): void {
    if (this.#untold !== null) {
      this.#untold.push(message)
      return
    }
    // Whom it cannot reach has ended or is about to, and that is told by its exit.
    if (this.#worker.isConnected()) this.#worker.process.send(message, () => undefined)
  }
}
