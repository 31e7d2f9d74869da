import type { DeliveryFailure } from '../../../model/outcome.js'
import { providerFailure } from '../failures.js'
import type { Pool } from './pool.js'
import type { ServiceAccount } from './service-account.js'
import { requestToken, type TokenAnswer } from './token-request.js'

/** An OAuth access token. */
export interface AccessToken {
  readonly access_token: string
  /** Seconds from when it was asked for. */
  readonly expires_in: number
}

/** A token is replaced when it is good for less than this: below 5 minutes the SDK would ask for another one by itself. */
const SPARE_MS = 6 * 60_000
/** The same answer may mean a key of Apple's that is wrong, and no access token helps against that. */
const FORGET_MS = 60_000

/** Google's access tokens for a service account: one request at a time, within its time, whoever waits for it. */
export class Access {
  readonly #account: ServiceAccount
  readonly #pool: Pool
  readonly #timeoutMs: number
  #current: { readonly token: AccessToken; readonly until: number } | null = null
  #asking: Promise<AccessToken> | null = null
  #forgottenAt = Number.NEGATIVE_INFINITY

  constructor(account: ServiceAccount, pool: Pool, timeoutMs: number) {
    this.#account = account
    this.#pool = pool
    this.#timeoutMs = timeoutMs
  }

  /** @throws DeliveryFailure */
  async token(): Promise<AccessToken> {
    if (this.#current !== null && Date.now() < this.#current.until - SPARE_MS) return this.#current.token
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  /** Google does not take this token: the next call asks for another one, unless that was done a moment ago. */
  forget(token: AccessToken): void {
    if (this.#current?.token !== token || Date.now() < this.#forgottenAt + FORGET_MS) return
    this.#current = null
    this.#forgottenAt = Date.now()
  }

  async #ask(): Promise<AccessToken> {
    const begun = Date.now()
    const answer = await requestToken(this.#account, this.#pool, this.#timeoutMs).catch((error: unknown) => {
      throw noAnswer(error)
    })
    const token = readToken(answer)
    this.#current = { token, until: begun + token.expires_in * 1_000 }
    return token
  }
}

function noAnswer(cause: unknown): DeliveryFailure {
  const late = cause instanceof Error && 'code' in cause && cause.code === 'TOKEN_TIMEOUT'
  return late
    ? providerFailure('fcm', 'timeout', 'Google gave no access token in time', { cause })
    : providerFailure('fcm', 'connection_failed', 'Google could not be asked for an access token', { cause })
}

/** What Google says stays behind but for the status: it may name the account. */
function readToken({ status, body }: TokenAnswer): AccessToken {
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429
  const message = `Google gave no access token for the service account (HTTP ${status})`
  if (status !== 200) throw providerFailure('fcm', refused ? 'account_refused' : 'unavailable', message)
  const { access_token, expires_in } = fieldsOf(body)
  if (typeof access_token !== 'string' || typeof expires_in !== 'number') {
    throw providerFailure('fcm', 'unavailable', 'the answer of Google cannot be read')
  }
  return { access_token, expires_in }
}

function fieldsOf(body: string): Partial<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(body)
    return typeof fields === 'object' && fields !== null ? { ...fields } : {}
  } catch {
    // Not JSON: as good as no token. The parser's words would hold a piece of the answer.
    return {}
  }
}
