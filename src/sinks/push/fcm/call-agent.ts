import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent } from 'node:https'
import { retryAfterMs } from '../../webhook/retry-after.js'
import { coded } from './tunnel.js'

const CUT = 'CUT_OFF'

/**
 * The requests of one call, over the connections of a pool. The SDK can neither be told to stop nor not to
 * repeat by itself what failed (up to four times, and after as long as a minute); here both is done.
 */
export class CallAgent extends Agent {
  readonly #pool: Agent
  readonly #requests = new Set<ClientRequest>()
  #cut = false
  #retryAfterMs: number | null = null

  constructor(pool: Agent) {
    super({ keepAlive: true })
    this.#pool = pool
  }

  /** The longest wait that an answer of 429 or 503 asked for, in milliseconds; null: none. */
  get retryAfterMs(): number | null {
    return this.#retryAfterMs
  }

  override addRequest(request: ClientRequest, options: object): void {
    if (this.#cut) {
      // Whoever made the request listens to it only afterwards.
      process.nextTick(end, request)
      return
    }
    this.#requests.add(request)
    request.once('close', () => this.#requests.delete(request))
    request.prependListener('response', (response) => this.#onResponse(response))
    request.prependListener('error', withoutRepeat)
    this.#pool.addRequest(request, options)
  }

  /** Ends what is under way, and whatever is begun afterwards. */
  cut(): void {
    this.#cut = true
    for (const request of this.#requests) end(request)
    this.#requests.clear()
  }

  #onResponse(response: IncomingMessage): void {
    const { statusCode, headers } = response
    if (statusCode === 429 || statusCode === 503) {
      const wait = retryAfterMs(headers['retry-after'], Date.now())
      if (wait !== null) this.#retryAfterMs = Math.max(wait, this.#retryAfterMs ?? 0)
    }
    // Of all answers the SDK repeats this one. What it means is told by its body as well.
    if (statusCode === 503) response.statusCode = 500
  }
}

/** The SDK repeats requests whose error has one of two codes; with another one they only fail. */
function withoutRepeat(error: Error & { code?: string }): void {
  if (error.code === 'ECONNRESET' || error.code === 'ETIMEDOUT') error.code = `${error.code}_`
}

function end(request: ClientRequest): void {
  const error = coded(CUT, 'the call was ended')
  request.destroy(error)
  // One that waits for a connection would only hear of it when it got one.
  if (request.socket === null) request.emit('error', error)
}
