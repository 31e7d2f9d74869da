import type { Dispatcher } from 'undici'
import type { Connection } from './connection.js'
import { Connections } from './connections.js'
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

export interface Post {
  readonly headers: Record<string, string>
  readonly body: string
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
}

/** Milliseconds that the rest of an answer may take once its head is here. */
const DRAIN_MS = 1_000

/** Posts to addresses that somebody else chose. Follows no redirects, decodes nothing, keeps no body. */
export class OutboundClient {
  readonly #connections: Connections
  readonly #maxResponseBytes: number

  constructor(options: OutboundOptions) {
    const { allowPrivate, timeoutMs, lookup, ca } = options
    // To undici 0 means its own default.
    this.#maxResponseBytes = Math.max(options.maxResponseBytes, 1)
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
  async post(url: URL, { headers, body, signal }: Post): Promise<Answer> {
    signal.throwIfAborted()
    const connection = await this.#connections.acquire(url.origin, signal)
    const onAbort = () => void connection.destroy(asError(signal.reason))
    signal.addEventListener('abort', onAbort)
    let reusable = false
    try {
      signal.throwIfAborted()
      const path = url.pathname + url.search
      const answer = await connection.client.request({ method: 'POST', path, headers, body })
      reusable = await drain(connection, answer.body, this.#maxResponseBytes)
      return { status: answer.statusCode, headers: answer.headers }
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

/** Whether the body came to its end within the limits; if not, the socket cannot be used again. */
async function drain(
  connection: Connection,
  body: Dispatcher.ResponseData['body'],
  limit: number,
): Promise<boolean> {
  const late = () => void connection.destroy(new Error('the answer does not end'))
  const timer = setTimeout(late, DRAIN_MS)
  await body.dump({ limit })
  clearTimeout(timer)
  return body.readableEnded
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
