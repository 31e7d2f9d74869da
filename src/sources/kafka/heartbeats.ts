/** While a batch is worked on, the group hears of us all the same. */
export class Heartbeats {
  readonly #timer: NodeJS.Timeout
  #lost: { readonly error: unknown } | null = null

  /** @param beat rejects when the group goes on without us; it knows by itself how often is enough */
  constructor(beat: () => Promise<void>, intervalMs: number) {
    this.#timer = setInterval(() => {
      beat().catch((error: unknown) => {
        this.#lost ??= { error }
      })
    }, intervalMs)
  }

  /** Why the group goes on without us; null: it does not. */
  get lost(): { readonly error: unknown } | null {
    return this.#lost
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
