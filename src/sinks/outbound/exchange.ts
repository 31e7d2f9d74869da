import type { Dispatcher } from 'undici'
import type { Connection } from './connection.js'

export interface Answer {
  readonly status: number
  readonly headers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]
}

export interface Exchanged {
  readonly answer: Answer
  /** Whether the answer came to its end within the limits; if not, the socket is closed. */
  readonly reusable: boolean
}

export interface PostOptions {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
  /** Bytes of the answer's body to read. */
  readonly limit: number
}

/** Milliseconds that the rest of an answer may take once its head is here. */
const REST_MS = 1_000

/**
 * Posts once and waits for the end of the answer, within a size and a second. Rejects with what the network
 * or undici says, only while there is no head yet.
 */
export function exchange(connection: Connection, { limit, ...request }: PostOptions): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    connection.client.dispatch({ method: 'POST', ...request }, new Exchange(limit, resolve, reject))
  })
}

/** Takes the answer as it is parsed: a stream for a body that nobody reads would cost more than the request. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (exchanged: Exchanged) => void
  readonly #reject: (error: Error) => void
  #left: number
  #answer: Answer | null = null
  #over = false
  #timer: NodeJS.Timeout | null = null

  constructor(limit: number, resolve: (exchanged: Exchanged) => void, reject: (error: Error) => void) {
    this.#left = limit
    this.#resolve = resolve
    this.#reject = reject
  }

  /** undici refuses a handler without it. */
  onRequestStart(): void {}

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Answer['headers'],
  ): void {
    // 1xx: the answer is still to come.
    if (status < 200) return
    this.#answer = { status, headers }
    if (Number(headers['content-length']) > this.#left) this.#cutOff(controller)
    // Most answers are whole in the piece that is being parsed just now.
    queueMicrotask(() => {
      if (this.#over) return
      this.#timer = setTimeout(() => this.#cutOff(controller), REST_MS)
    })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#left -= chunk.length
    if (this.#left < 0) this.#cutOff(controller)
  }

  onResponseEnd(): void {
    this.#end(true)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#answer === null) this.#reject(error)
    this.#end(false)
  }

  #cutOff(controller: Dispatcher.DispatchController): void {
    controller.abort(new Error('the rest of the answer is not wanted'))
    this.#end(false)
  }

  #end(reusable: boolean): void {
    if (this.#over) return
    this.#over = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#answer !== null) this.#resolve({ answer: this.#answer, reusable })
  }
}
