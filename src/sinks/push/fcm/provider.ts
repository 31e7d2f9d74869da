import type { SendResponse, TokenMessage } from 'firebase-admin/messaging'
import { DeliveryFailure } from '../../../model/outcome.js'
import { failedAll, providerFailure } from '../failures.js'
import type { DeviceResult, PushProvider } from '../provider.js'
import type { Push } from '../push.js'
import { Access, type AccessToken } from './access.js'
import { CallAgent } from './call-agent.js'
import { fcmMessage } from './message.js'
import { Pool } from './pool.js'
import { fcmResult, fcmUnknownToken } from './results.js'
import { loadSdk, type Sdk } from './sdk.js'
import { readServiceAccount, type ServiceAccount } from './service-account.js'

/** Of the time of a call: who waits for a token that does not come still hears why. */
const ACCESS_SHARE = 0.8
/** As many as the SDK takes. */
const AT_ONCE = 500

export interface FcmOptions {
  /** The key of a service account: a file, or its JSON. */
  readonly credentials: string
  /** An HTTP proxy; null: none. */
  readonly proxy: string | null
  /** Of one call, and of the request for an access token, in milliseconds. */
  readonly timeoutMs: number
  /** PEM of the authority to trust instead of the public ones. */
  readonly ca?: string | undefined
}

/**
 * Firebase Cloud Messaging through Google's SDK. Over HTTP/1.1: the SDK's HTTP/2 knows no proxy, opens a
 * connection for every call and cannot be ended.
 */
export class FcmProvider implements PushProvider {
  readonly platform = 'fcm'
  readonly #account: ServiceAccount
  readonly #pool: Pool
  readonly #access: Access
  readonly #sdk: Promise<Sdk>
  #calls = 0
  #hasTaken = false

  /** @throws Error when the credentials cannot be used */
  constructor({ credentials, proxy, timeoutMs, ca }: FcmOptions) {
    this.#account = readServiceAccount(credentials)
    this.#pool = new Pool({ proxy, connectMs: timeoutMs, ca })
    this.#access = new Access(this.#account, this.#pool, timeoutMs * ACCESS_SHARE)
    this.#sdk = loadSdk()
    // The first push hears of it.
    this.#sdk.catch(() => undefined)
  }

  async send(push: Push, tokens: readonly string[], signal: AbortSignal): Promise<readonly DeviceResult[]> {
    try {
      const sdk = await this.#sdk
      const token = await unlessEnded(this.#access.token(), signal)
      return await this.#call(sdk, token, push, tokens, signal)
    } catch (error) {
      if (error instanceof DeliveryFailure) return failedAll(tokens.length, error)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#pool.destroy()
  }

  /**
   * The SDK tells a token that is no longer registered from a project that there is not by nothing. So tokens
   * count as gone only once this project has taken a push: wrong credentials must not empty the directory.
   */
  #settled(result: DeviceResult | 'unknown'): DeviceResult {
    if (result !== 'unknown') return result
    return this.#hasTaken ? { kind: 'gone', goneAt: null } : fcmUnknownToken
  }

  /** An app of its own, so that its requests can be told from those of other calls. It is a few small objects. */
  async #call(
    sdk: Sdk,
    token: AccessToken,
    push: Push,
    tokens: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeviceResult[]> {
    const agent = new CallAgent(this.#pool)
    const end = (): void => agent.cut()
    signal.addEventListener('abort', end, { once: true })
    this.#calls += 1
    const app = sdk.initializeApp(
      {
        credential: { getAccessToken: async () => token },
        projectId: this.#account.projectId,
        httpAgent: agent,
      },
      `call ${this.#calls}`,
    )
    try {
      const messaging = sdk.getMessaging(app)
      messaging.enableLegacyHttpTransport()
      const message = fcmMessage(push, Date.now())
      const messages = tokens.map((to): TokenMessage => ({ ...message, token: to }))
      const batches = await Promise.all(inBatches(messages).map((batch) => messaging.sendEach(batch)))
      const responses = batches.flatMap((batch) => batch.responses)
      if (responses.every(isUnauthenticated)) this.#access.forget(token)
      const context = { ended: signal.aborted, retryAfterMs: agent.retryAfterMs }
      this.#hasTaken ||= responses.some(({ success }) => success)
      return responses.map((response) => this.#settled(fcmResult(response, context)))
    } finally {
      signal.removeEventListener('abort', end)
      agent.cut()
      await sdk.deleteApp(app)
    }
  }
}

/** The SDK has one code for a token that Google does not take any more and for a key of Apple's that is wrong. */
const isUnauthenticated = ({ error }: SendResponse): boolean =>
  error?.code === 'messaging/third-party-auth-error' || error?.code === 'messaging/authentication-error'

function inBatches<T>(items: readonly T[]): T[][] {
  const batches: T[][] = []
  for (let at = 0; at < items.length; at += AT_ONCE) batches.push(items.slice(at, at + AT_ONCE))
  return batches
}

/** The token is asked for on behalf of all calls; one of them ends its waiting, not the question. */
function unlessEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(providerFailure('fcm', 'timeout', 'Google gave no access token in time'))
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}
