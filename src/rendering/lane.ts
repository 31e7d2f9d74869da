import type { Outcome, Thread } from './thread.js'
import type { Threads } from './threads.js'

interface Turn {
  readonly work: string
  readonly limitMs: number
  readonly settle: (result: LaneResult) => void
  readonly patience: NodeJS.Timeout
}

/** `expired`: its turn did not come in time. */
export type LaneResult = Outcome | { readonly kind: 'expired' }

export interface TurnOptions {
  /** How long one text may be under way. */
  readonly limitMs: number
  /** How long to wait for the turn. */
  readonly patienceMs: number
}

/** A queue before a thread of its own, which is replaced when it is lost. */
export class Lane {
  readonly #threads: Threads
  readonly #waiting = new Set<Turn>()
  #thread: Thread | null = null
  #busy = false
  #closed = false

  constructor(threads: Threads) {
    this.#threads = threads
  }

  /** Never rejects. */
  run(work: string, { limitMs, patienceMs }: TurnOptions): Promise<LaneResult> {
    return new Promise((settle) => {
      if (this.#closed) return settle({ kind: 'closed' })
      const patience = setTimeout(() => this.#giveUp(turn), patienceMs)
      const turn: Turn = { work, limitMs, settle, patience }
      this.#waiting.add(turn)
      if (!this.#busy) void this.#takeTurns()
    })
  }

  /** Whoever waits is told; what is under way ends with its thread. */
  close(): void {
    this.#closed = true
    for (const { patience, settle } of this.#waiting) {
      clearTimeout(patience)
      settle({ kind: 'closed' })
    }
    this.#waiting.clear()
  }

  #giveUp(turn: Turn): void {
    this.#waiting.delete(turn)
    turn.settle({ kind: 'expired' })
  }

  async #takeTurns(): Promise<void> {
    this.#busy = true
    for (const turn of this.#waiting) {
      this.#waiting.delete(turn)
      clearTimeout(turn.patience)
      this.#thread = this.#thread?.alive ? this.#thread : this.#threads.take()
      turn.settle(await this.#thread.run(turn.work, turn.limitMs))
    }
    this.#busy = false
  }
}
