import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as after } from 'node:timers/promises'
import { Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { addressOf, pathOf, readHandshake } from './handshake.js'
import type { Hub } from './hub.js'
import { answerPlainly, asksForWebSocket } from './plain-http.js'
import { refuse } from './refusal.js'
import { createUpgrader, type Upgrader } from './upgrader.js'

const PATH = '/ws'

/** Verifies bearer tokens. Rejects with a `Failure`, `unauthenticated` for a token that is not valid. */
export interface TokenVerifier {
  verify(token: string): Promise<{
    readonly subject: string
    readonly tenantId: string
    readonly roles: readonly string[]
    /** Epoch milliseconds; null: never. */
    readonly expiresAt: number | null
  }>
}

export interface GatewayOptions {
  /** Web origins that may connect, such as `https://app.example.com`. Empty: any. */
  readonly origins: readonly string[]
  /** How long verifying a token may take. */
  readonly authTimeoutMs: number
  /** Most upgrades whose token is being verified. */
  readonly maxPending: number
}

export const GATEWAY_DEFAULTS: GatewayOptions = { origins: [], authTimeoutMs: 5_000, maxPending: 1_000 }

/** Opens sockets: every refusal comes before the upgrade, as a plain HTTP response. */
export class Gateway {
  readonly #hub: Hub
  readonly #verifier: TokenVerifier
  readonly #telemetry: Telemetry
  readonly #options: GatewayOptions
  readonly #origins: readonly string[]
  readonly #upgrader: Upgrader
  #pending = 0

  constructor(
    hub: Hub,
    verifier: TokenVerifier,
    telemetry: Telemetry,
    options: Partial<GatewayOptions> = {},
  ) {
    this.#hub = hub
    this.#verifier = verifier
    this.#telemetry = telemetry
    this.#options = { ...GATEWAY_DEFAULTS, ...options }
    this.#origins = this.#options.origins.map((origin) => origin.toLowerCase())
    this.#upgrader = createUpgrader(hub.options.closeGraceMs)
  }

  /** Takes the upgrades of a server. Returns the undoing. */
  attach(server: Server): () => void {
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      if (asksForWebSocket(request)) void this.#open(request, stream, head)
      else answerPlainly(server, request, stream, head)
    }
    server.on('upgrade', onUpgrade)
    return () => server.off('upgrade', onUpgrade)
  }

  async #open(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    // Node has taken its own listener away; without one a reset would end the process.
    stream.on('error', destroy)
    try {
      if (pathOf(request.url ?? '') !== PATH) throw new Failure('not_found', `sockets are opened at ${PATH}`)
      const handshake = readHandshake(request, this.#origins)
      this.#hub.admit()
      const token = await this.#verify(handshake.token)
      if (stream.destroyed) return
      const user = addressOf(handshake, token)
      this.#hub.admit(user)
      this.#upgrader.handleUpgrade(request, stream, head, (socket) =>
        this.#hub.add(socket, stream, { user, since: handshake.since, expiresAt: token.expiresAt }),
      )
      stream.off('error', destroy)
    } catch (error) {
      this.#refuse(stream, error)
    }
  }

  async #verify(token: string): ReturnType<TokenVerifier['verify']> {
    if (this.#pending >= this.#options.maxPending) throw saturated('too many connections are being opened')
    this.#pending += 1
    const deadline = new AbortController()
    try {
      return await Promise.race([
        this.#verifier.verify(token),
        after(this.#options.authTimeoutMs, null, { signal: deadline.signal }).then(() => {
          throw saturated('the token could not be verified in time')
        }),
      ])
    } finally {
      this.#pending -= 1
      deadline.abort()
    }
  }

  #refuse(stream: Duplex, error: unknown): void {
    const { log } = this.#telemetry
    if (error instanceof Failure) {
      log.event('websocket.refused', { code: error.code })
      refuse(stream, error)
    } else {
      log.event('http.request_failed', { err: error })
      refuse(stream, new Failure('internal', 'the socket could not be opened', { cause: error }))
    }
  }
}

const saturated = (message: string): Failure => new Failure('overloaded', message, { retryAfterMs: 1_000 })

function destroy(this: Duplex): void {
  this.destroy()
}
