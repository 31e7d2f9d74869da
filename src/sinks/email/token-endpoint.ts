import { Agent, request } from 'undici'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'

/** Where access tokens come from (RFC 6749). */
export interface OAuth2Client {
  readonly tokenUrl: string
  readonly clientId: string
  /** Null: a public client. */
  readonly clientSecret: string | null
  /** Null: the client asks in its own name (RFC 6749 §4.4), as Microsoft 365 allows for SMTP. */
  readonly refreshToken: string | null
  readonly scope: string | null
}

export interface IssuedToken {
  readonly accessToken: string
  /** Null: the endpoint does not say. */
  readonly lifetimeMs: number | null
  /** The one to use from now on; null: the same as before. */
  readonly refreshToken: string | null
}

const MAX_ANSWER_BYTES = 64 * 1024
/** RFC 6749 §5.2. What else an endpoint writes there is not repeated. */
const ERRORS = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
])
/** Printable ASCII: it goes into a line of SMTP, between control characters. */
const TOKEN = /^[!-~]{1,16384}$/

/** Asks one token endpoint. Follows no redirects: a client secret goes nowhere else. */
export class TokenEndpoint {
  readonly #client: OAuth2Client
  readonly #timeoutMs: number
  readonly #agent: Agent

  constructor(client: OAuth2Client, timeoutMs: number) {
    this.#client = client
    this.#timeoutMs = timeoutMs
    this.#agent = new Agent({
      connections: 1,
      connect: { timeout: timeoutMs },
      maxResponseSize: MAX_ANSWER_BYTES,
    })
  }

  /** @throws DeliveryFailure that may be retried; `account_refused` when the grant or the client is not accepted */
  async issue(refreshToken: string | null): Promise<IssuedToken> {
    const { status, text } = await this.#post(refreshToken)
    if (status === 429) throw failure('throttled', 'the token endpoint asks to wait (429)')
    if (status >= 400 && status < 500) throw failure('account_refused', refusal(status, text))
    const issued = status === 200 ? readToken(text) : null
    if (issued === null) throw failure('unavailable', `the token endpoint gave no token (${status})`)
    return issued
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async #post(refreshToken: string | null): Promise<{ readonly status: number; readonly text: string }> {
    const { tokenUrl, clientId, clientSecret, scope } = this.#client
    const form = new URLSearchParams({
      grant_type: refreshToken === null ? 'client_credentials' : 'refresh_token',
      client_id: clientId,
      ...(clientSecret === null ? {} : { client_secret: clientSecret }),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
      ...(scope === null ? {} : { scope }),
    })
    const signal = AbortSignal.timeout(this.#timeoutMs)
    try {
      const { statusCode, body } = await request(tokenUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: form.toString(),
        dispatcher: this.#agent,
        signal,
      })
      return { status: statusCode, text: await body.text() }
    } catch (cause) {
      if (signal.aborted) throw failure('timeout', 'the token endpoint did not answer in time', cause)
      throw failure('connection_failed', 'the connection to the token endpoint failed', cause)
    }
  }
}

function refusal(status: number, text: string): string {
  const error = fields(text)?.error
  const said = typeof error === 'string' && ERRORS.has(error) ? `${status} ${error}` : `${status}`
  return `the token endpoint refused the credentials: ${said}`
}

function readToken(text: string): IssuedToken | null {
  const answer = fields(text)
  const { access_token, expires_in, refresh_token } = answer ?? {}
  if (typeof access_token !== 'string' || !TOKEN.test(access_token)) return null
  // Some send the seconds as text.
  const seconds = Number(expires_in)
  return {
    accessToken: access_token,
    lifetimeMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null,
    refreshToken: typeof refresh_token === 'string' && refresh_token !== '' ? refresh_token : null,
  }
}

function fields(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

const failure = (code: DeliveryFailureCode, message: string, cause?: unknown): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: true, cause })
