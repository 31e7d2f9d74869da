/** How often the records of one partition failed that are not over and done with yet. */
export class Tries {
  readonly #failures = new Map<string, number>()

  /** One more; how many that makes. */
  add(offset: string): number {
    const failures = (this.#failures.get(offset) ?? 0) + 1
    this.#failures.set(offset, failures)
    return failures
  }

  /** Forgets what is in front of an offset. */
  forgetBefore(offset: bigint): void {
    for (const failed of this.#failures.keys()) if (BigInt(failed) < offset) this.#failures.delete(failed)
  }
}
