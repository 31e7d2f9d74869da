/** Bytes that wait in all outboxes together, so that many slow sockets cannot fill the memory. */
export interface Budget {
  used: number
  readonly limit: number
}

export interface OutboxLimits {
  readonly messages: number
  readonly bytes: number
}

/** What one socket is not ready to take: critical messages first, each kind in order. */
export class Outbox {
  readonly #critical: Buffer[] = []
  readonly #normal: Buffer[] = []
  readonly #limits: OutboxLimits
  readonly #budget: Budget
  #bytes = 0

  constructor(limits: OutboxLimits, budget: Budget) {
    this.#limits = limits
    this.#budget = budget
  }

  /** False: there is no room, and nothing was added. */
  add(message: Buffer, critical: boolean): boolean {
    const { messages, bytes } = this.#limits
    if (this.#critical.length + this.#normal.length >= messages) return false
    if (this.#bytes + message.length > bytes) return false
    if (this.#budget.used + message.length > this.#budget.limit) return false
    this.#count(message.length)
    ;(critical ? this.#critical : this.#normal).push(message)
    return true
  }

  next(): Buffer | undefined {
    const message = this.#critical.shift() ?? this.#normal.shift()
    if (message !== undefined) this.#count(-message.length)
    return message
  }

  /** Gives its share of the budget back; called when the socket goes. */
  clear(): void {
    this.#critical.length = 0
    this.#normal.length = 0
    this.#count(-this.#bytes)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#budget.used += bytes
  }
}
