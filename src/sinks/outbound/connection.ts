import { Client } from 'undici'
import { type ConnectorOptions, guardedConnector } from './connector.js'

export interface ConnectionOptions {
  readonly connector: Omit<ConnectorOptions, 'signal'>
  /** Milliseconds to wait for the head of an answer, and between two pieces of its body. */
  readonly answerTimeoutMs: number
}

/** Bytes of status line and headers that an answer may have. */
const MAX_HEADER_BYTES = 16_384
/** Milliseconds an idle socket is kept; a receiver may ask for less or, within limits, for more. */
const KEEP_ALIVE_MS = 4_000
const KEEP_ALIVE_MAX_MS = 30_000

/** One socket to one origin, opened by the first request and used by one request at a time. */
export class Connection {
  readonly origin: string
  readonly client: Client
  readonly #abort = new AbortController()
  #connected = false

  /** @param onLost called when the socket is gone, whoever closed it */
  constructor(origin: string, options: ConnectionOptions, onLost: (connection: Connection) => void) {
    this.origin = origin
    this.client = new Client(origin, {
      connect: guardedConnector({ ...options.connector, signal: this.#abort.signal }),
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: options.answerTimeoutMs,
      bodyTimeout: options.answerTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    })
    this.client.on('connect', () => {
      this.#connected = true
    })
    this.client.on('disconnect', () => {
      this.#connected = false
      onLost(this)
    })
  }

  /** Whether the socket is open, so that it is worth keeping. */
  get connected(): boolean {
    return this.#connected
  }

  /** Closes the socket at once, also while it is connecting; a request under way fails with the reason. */
  async destroy(reason: Error): Promise<void> {
    const destroyed = this.client.destroy(reason)
    this.#abort.abort(reason)
    await destroyed
  }
}
