import type { Provider, ResponseSent } from '@parse/node-apn'
import { isWellFormed } from '../../../model/device.js'
import type { DeviceResult, PushProvider } from '../provider.js'
import type { Push } from '../push.js'
import { Connections } from './connections.js'
import { allUnlessEnded } from './ending.js'
import { readKey } from './key.js'
import { apnsNotification } from './notification.js'
import { apnsBadToken, apnsFailure, apnsTimeout } from './results.js'

export interface ApnsOptions {
  /** The signing key (.p8): a file, or its PEM. */
  readonly key: string
  readonly keyId: string
  readonly teamId: string
  /** The app's bundle id. */
  readonly topic: string
  /** False: the sandbox. */
  readonly production: boolean
  /** `host:port` in place of Apple's. */
  readonly endpoint: string | null
  /** Of one call, in milliseconds. */
  readonly timeoutMs: number
  /** PEM of the authority to trust instead of the public ones. */
  readonly ca?: string | undefined
}

type Sdk = typeof import('@parse/node-apn')

interface Client {
  readonly sdk: Sdk
  readonly provider: Provider
}

const GONE: DeviceResult = { kind: 'gone', goneAt: null }
/** The SDK ends requests that are not answered, after we have: it would call them a connection that failed. */
const CLEARING_UP_MS = 1_000
/** How long the connection has for its farewell, in milliseconds. */
const FAREWELL_MS = 1_000

/** Apple Push Notification service through the maintained fork of `apn`: one HTTP/2 connection, with a signed token. */
export class ApnsProvider implements PushProvider {
  readonly platform = 'apns'
  readonly #options: ApnsOptions
  readonly #connections: Connections
  readonly #client: Promise<Client>
  #hasTaken = false
  /** Of APNs, ever: a connection on which none comes is dead or hung. */
  #answers = 0

  /** @throws Error when the key cannot be used */
  constructor(options: ApnsOptions) {
    this.#options = { ...options, key: readKey(options.key) }
    this.#connections = new Connections({
      ...addressOf(options),
      connectMs: options.timeoutMs,
      ca: options.ca,
    })
    this.#client = this.#open()
    // The first push hears of it.
    this.#client.catch(() => undefined)
  }

  async send(push: Push, tokens: readonly string[], signal: AbortSignal): Promise<readonly DeviceResult[]> {
    const { sdk, provider } = await this.#client
    const notification = new sdk.Notification()
    Object.assign(notification, apnsNotification(push, this.#options.topic))
    const before = this.#answers
    const results = new Map<string, DeviceResult | 'bad'>()
    const calls = tokens.map(async (token) => {
      if (!isWellFormed({ platform: 'apns', token })) return results.set(token, GONE)
      const { sent, failed } = await provider.send(notification, token)
      const [failure] = failed
      if (failure === undefined || failure.status !== undefined) this.#answers += 1
      return results.set(token, failure === undefined ? taken(sent[0]) : apnsFailure(failure))
    })
    await allUnlessEnded(calls, signal)
    // The SDK would go on using it.
    if (signal.aborted && this.#answers === before) await this.#connections.drop()
    this.#hasTaken ||= [...results.values()].some((result) => result !== 'bad' && result.kind === 'sent')
    return tokens.map((token) => this.#settled(results.get(token) ?? apnsTimeout))
  }

  async close(): Promise<void> {
    const { provider } = await this.#client
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FAREWELL_MS)
      void provider.shutdown(() => {
        clearTimeout(timer)
        resolve()
      })
    })
    await this.#connections.drop()
  }

  /**
   * Apple calls a token of the sandbox bad in production and the other way round. So tokens count as bad only
   * once this environment has taken a push: a wrong setting must not empty the directory.
   */
  #settled(result: DeviceResult | 'bad'): DeviceResult {
    if (result !== 'bad') return result
    return this.#hasTaken ? GONE : apnsBadToken
  }

  async #open(): Promise<Client> {
    const { default: sdk } = await import('@parse/node-apn')
    const { key, keyId, teamId, timeoutMs, production, endpoint } = this.#options
    const options = {
      token: { key, keyId, teamId },
      production,
      ...(endpoint !== null && { address: addressOf(this.#options).host }),
      requestTimeout: timeoutMs + CLEARING_UP_MS,
      // What is repeated is decided by us: the SDK does it at once.
      connectionRetryLimit: 0,
      createConnection: this.#connections.create,
    }
    return { sdk, provider: new sdk.Provider(options) }
  }
}

const taken = (sent: (ResponseSent & { readonly 'apns-id'?: string }) | undefined): DeviceResult => ({
  kind: 'sent',
  providerId: sent?.['apns-id'] ?? null,
})

function addressOf({ production, endpoint }: ApnsOptions): { readonly host: string; readonly port: number } {
  if (endpoint === null) {
    return { host: production ? 'api.push.apple.com' : 'api.sandbox.push.apple.com', port: 443 }
  }
  const at = endpoint.lastIndexOf(':')
  return { host: endpoint.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(at + 1)) }
}
