import type { DeliveryFailure } from '../../model/outcome.js'
import { type OAuth2Client, TokenEndpoint } from './token-endpoint.js'

export interface AccessToken {
  readonly value: string
  /** Epoch milliseconds by this machine's clock; from then on another one is asked for. */
  readonly renewAt: number
  readonly issuedAt: number
}

/** Before its end, so that none ends on its way. */
const AHEAD_MS = 60_000
/** Where the endpoint does not say how long: RFC 6749 §5.1 leaves that to the documentation. */
const UNTOLD_LIFETIME_MS = 300_000
/** A token that is refused so soon after it was issued would be refused as well when it is issued again. */
const FRESH_MS = 10_000
/** How long a refusal stands: a backlog of mail must not knock at the endpoint once for each message. */
const REFUSED_MS = 5_000

/** The access token of a mailbox: asked for once, shared by all connections, renewed before it ends. */
export class AccessTokens {
  readonly #endpoint: TokenEndpoint
  /** Some endpoints give another one with every token (RFC 6749 §6). */
  #refreshToken: string | null
  #token: AccessToken | null = null
  #asking: Promise<AccessToken> | null = null
  #refused: { readonly failure: unknown; readonly until: number } | null = null

  /** @param timeoutMs for one request to the endpoint */
  constructor(client: OAuth2Client, timeoutMs: number) {
    this.#endpoint = new TokenEndpoint(client, timeoutMs)
    this.#refreshToken = client.refreshToken
  }

  /**
   * @param refused the mail server did not accept the one that it was given
   * @throws DeliveryFailure
   */
  async get(refused: boolean): Promise<AccessToken> {
    const now = Date.now()
    const token = this.#token
    const usable = token !== null && now < token.renewAt
    if (usable && (!refused || now - token.issuedAt < FRESH_MS)) return token
    if (this.#refused !== null && now < this.#refused.until) throw this.#refused.failure
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  close(): Promise<void> {
    return this.#endpoint.close()
  }

  async #ask(): Promise<AccessToken> {
    try {
      const { accessToken, lifetimeMs, refreshToken } = await this.#endpoint.issue(this.#refreshToken)
      const issuedAt = Date.now()
      const lifetime = lifetimeMs ?? UNTOLD_LIFETIME_MS
      this.#refreshToken = refreshToken ?? this.#refreshToken
      this.#refused = null
      this.#token = {
        value: accessToken,
        issuedAt,
        renewAt: issuedAt + Math.max(lifetime - AHEAD_MS, lifetime / 2),
      }
      return this.#token
    } catch (failure) {
      this.#refused = { failure, until: Date.now() + REFUSED_MS }
      throw failure
    }
  }
}

/** Carries a failure through nodemailer, which writes codes of its own on what it is given. */
export class NoToken extends Error {
  override readonly name = 'NoToken'
  readonly failure: DeliveryFailure

  constructor(failure: DeliveryFailure) {
    super(failure.message, { cause: failure })
    this.failure = failure
  }
}
