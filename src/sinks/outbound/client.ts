import { Connections } from './connections.js'
import { type Answer, exchange } from './exchange.js'
import { checkedLookup, type Lookup } from './lookup.js'

export interface OutboundOptions {
  /** Also reach addresses that are not on the public internet. */
  readonly allowPrivate: boolean
  /** Milliseconds to connect, and to wait for an answer; the total is the caller's signal. */
  readonly timeoutMs: number
  /** Bytes of an answer's body to read before the connection is closed. */
  readonly maxResponseBytes: number
  /** More requests to one origin than that wait in line; 32 by default. */
  readonly maxConnectionsPerOrigin?: number | undefined
  /** Idle sockets kept over all origins; 256 by default. */
  readonly maxIdleConnections?: number | undefined
  readonly lookup?: Lookup | undefined
  /** PEM of the only authorities to trust; Node's own by default. */
  readonly ca?: string | undefined
}

/** Where a request goes: what a `URL` tells anew, and slowly, each time it is asked. */
export interface Destination {
  readonly origin: string
  /** With the query. */
  readonly path: string
}

export const destinationOf = ({ origin, pathname, search }: URL): Destination => ({
  origin,
  path: pathname + search,
})

export interface Post {
  readonly headers: Record<string, string>
  readonly body: string
  readonly signal: AbortSignal
}

/** Posts to addresses that somebody else chose. Follows no redirects, decodes nothing, keeps no body. */
export class OutboundClient {
  readonly #connections: Connections
  readonly #maxResponseBytes: number

  constructor(options: OutboundOptions) {
    const { allowPrivate, timeoutMs, lookup, ca } = options
    this.#maxResponseBytes = options.maxResponseBytes
    this.#connections = new Connections(
      {
        connector: {
          allowPrivate,
          lookup: checkedLookup({ allowPrivate, timeoutMs, lookup }),
          timeoutMs,
          ca,
        },
        answerTimeoutMs: timeoutMs,
      },
      { perOrigin: options.maxConnectionsPerOrigin ?? 32, idle: options.maxIdleConnections ?? 256 },
    )
  }

  /** Origins and sockets held at the moment. */
  get size(): Connections['size'] {
    return this.#connections.size
  }

  /**
   * The head of the answer. What follows is read only to keep the socket, within a size and a second.
   * Rejects with `OutboundError`, an error of the network, or the signal's reason; in every case the
   * socket is closed.
   */
  async post({ origin, path }: Destination, { headers, body, signal }: Post): Promise<Answer> {
    signal.throwIfAborted()
    const found = this.#connections.acquire(origin, signal)
    const connection = found instanceof Promise ? await found : found
    const onAbort = () => void connection.destroy(asError(signal.reason))
    signal.addEventListener('abort', onAbort)
    let reusable = false
    try {
      signal.throwIfAborted()
      const exchanged = await exchange(connection, { path, headers, body, limit: this.#maxResponseBytes })
      reusable = exchanged.reusable
      return exchanged.answer
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#connections.release(connection, reusable)
    }
  }

  /** Closes every socket at once. */
  async close(): Promise<void> {
    await this.#connections.close()
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
