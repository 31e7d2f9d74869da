import { Tries } from './tries.js'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 15_000

/** How one partition gets on. */
export class Progress {
  readonly tries = new Tries()
  #waits = 0

  /** Whether it was stopped and has not passed that place yet. */
  get waiting(): boolean {
    return this.#waits > 0
  }

  /** How long to wait now: longer each time, as long as nothing comes through. */
  wait(cameThrough: boolean, atLeastMs: number): number {
    this.#waits = cameThrough ? 1 : this.#waits + 1
    const backOff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#waits - 1))
    return Math.min(LONGEST_WAIT_MS, Math.max(backOff, atLeastMs))
  }

  passed(): void {
    this.#waits = 0
  }
}
