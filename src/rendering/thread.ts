import { Worker } from 'node:worker_threads'
import type { EngineSettings } from './engine.js'
import { STARTING } from './work.js'
import type { WorkerData } from './worker.js'

export type Outcome =
  | { readonly kind: 'done'; readonly answer: string; readonly ms: number }
  | Lost
  /** The service ends. */
  | { readonly kind: 'closed' }

/** The thread is gone. */
export interface Lost {
  readonly kind: 'lost'
  readonly reason: LossReason
  /** The one that was under way; null when none was. */
  readonly text: number | null
  readonly error: unknown
  /** How long it worked, from when it had started. */
  readonly ms: number
}

export type LossReason = 'timeout' | 'memory' | 'crash'

export interface ThreadOptions {
  readonly settings: EngineSettings
  /** Where the thread's program is. */
  readonly entry: URL
  /** Megabytes of V8's heap. */
  readonly heapMb: number
}

const YOUNG_GENERATION_MB = 16
const LOOK_EVERY_MS = 20
/** For starting, and for reading what it is handed. */
const WITHOUT_TEXT_MS = 30_000

/** One worker thread, and the eye that is kept on it. It does one thing at a time. */
export class Thread {
  readonly #worker: Worker
  readonly #underWay: Int32Array
  #settle: ((outcome: Outcome) => void) | null = null
  #watch: NodeJS.Timeout | null = null
  #began = 0
  #alive = true

  constructor({ settings, entry, heapMb }: ThreadOptions) {
    const progress = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    this.#underWay = new Int32Array(progress)
    Atomics.store(this.#underWay, 0, STARTING)
    this.#worker = new Worker(entry, {
      workerData: { settings, progress } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    this.#worker.on('message', (answer: string) => this.#finish({ kind: 'done', answer, ms: this.#ms() }))
    this.#worker.on('messageerror', (error) => this.#lose('crash', error))
    this.#worker.on('error', (error) => this.#lose(isOutOfMemory(error) ? 'memory' : 'crash', error))
    this.#worker.on('exit', () => this.#lose('crash', null))
    // While it works, the watch keeps the process going.
    this.#worker.unref()
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Never rejects. A text that is under way longer than `limitMs` costs the thread its life. */
  run(work: string, limitMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#settle = resolve
      this.#look(limitMs)
      this.#worker.postMessage(work)
    })
  }

  async close(): Promise<void> {
    this.#alive = false
    this.#finish({ kind: 'closed' })
    await this.#worker.terminate()
  }

  /**
   * Counts the time of a text in looks at it. A look that comes late, because this process was held up,
   * counts as one: what held us up may have held up the thread.
   */
  #look(limitMs: number): void {
    let text = this.#text()
    let underWayMs = 0
    this.#began = performance.now()
    this.#watch = setInterval(() => {
      const now = this.#text()
      if (now === STARTING) this.#began = performance.now()
      underWayMs = now === text ? underWayMs + LOOK_EVERY_MS : 0
      text = now
      if (underWayMs >= (text < 0 ? WITHOUT_TEXT_MS : limitMs)) this.#lose('timeout', null)
    }, LOOK_EVERY_MS)
  }

  #ms(): number {
    return performance.now() - this.#began
  }

  #text(): number {
    return Atomics.load(this.#underWay, 0)
  }

  #lose(reason: LossReason, error: unknown): void {
    if (!this.#alive) return
    this.#alive = false
    const text = this.#text()
    void this.#worker.terminate()
    this.#finish({ kind: 'lost', reason, text: text < 0 ? null : text, error, ms: this.#ms() })
  }

  #finish(outcome: Outcome): void {
    if (this.#watch) clearInterval(this.#watch)
    this.#watch = null
    this.#settle?.(outcome)
    this.#settle = null
  }
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
