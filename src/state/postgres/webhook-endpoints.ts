import { randomBytes } from 'node:crypto'
import type {
  NewWebhookEndpoint,
  Page,
  PageQuery,
  Suppressions,
  WebhookEndpointChange,
  WebhookEndpointRecord,
  WebhookEndpoints,
  WebhookEndpointWithSecret,
} from '../../api/ports.js'
import { canonicalAddress } from '../../model/address.js'
import { Failure } from '../../model/failure.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { Sealing } from '../sealing.js'
import type { Store } from './store.js'
import { type EndpointRow, type SealedSecret, toEndpoint, validSecrets } from './webhook-endpoint-rows.js'
import { CHANGE, CREATE, FIND, LIST, MOST_ENDPOINTS, REMOVE, ROTATE } from './webhook-endpoint-statements.js'
import type { KnownEndpoints } from './webhook-endpoints-known.js'

/** As Standard Webhooks has it: 24 to 64 bytes. */
const SECRET_BYTES = 32
const MOST_SECRETS = 3

export interface WebhookEndpointsOptions {
  readonly newId: () => string
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly sealing: Sealing
  readonly suppressions: Pick<Suppressions, 'add' | 'remove'>
  /** What is remembered of endpoints that change here. */
  readonly known: Pick<KnownEndpoints, 'forget'>
}

/** The endpoints of each tenant, each with secrets of its own. One that is disabled is on the suppression list. */
export class PostgresWebhookEndpoints implements WebhookEndpoints {
  readonly #store: Store
  readonly #options: WebhookEndpointsOptions

  constructor(store: Store, options: WebhookEndpointsOptions) {
    this.#store = store
    this.#options = options
  }

  async create(
    tenantId: string,
    { description, enabled, ...given }: NewWebhookEndpoint,
    createdBy: string,
  ): Promise<WebhookEndpointWithSecret> {
    const id = this.#options.newId()
    const url = canonicalAddress('webhook', given.url)
    const { secret, sealed } = this.#newSecret(id)
    const values = [id, tenantId, url, description, JSON.stringify([sealed]), createdBy]
    const rows = await this.#store.run(CREATE, values).catch(unlessTaken)
    if (rows.length === 0)
      throw new Failure('conflict', `a tenant has at most ${MOST_ENDPOINTS} endpoints; delete one first`)
    if (enabled !== null) await this.#enable(tenantId, url, enabled)
    return { endpoint: await this.#there(tenantId, id), secret }
  }

  async find(tenantId: string, id: string): Promise<WebhookEndpointRecord | null> {
    const row = await this.#row(tenantId, id)
    return row === null ? null : toEndpoint(row, this.#options.now())
  }

  async list(tenantId: string, { limit, cursor }: PageQuery): Promise<Page<WebhookEndpointRecord>> {
    const [after] = readCursor(cursor, 1)
    const rows = await this.#store.run<EndpointRow>(LIST, [tenantId, after, limit + 1])
    const now = this.#options.now()
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      items: rows.slice(0, limit).map((row) => toEndpoint(row, now)),
      nextCursor: last === undefined ? null : cursorOf([last.id]),
    }
  }

  async change(
    tenantId: string,
    id: string,
    change: WebhookEndpointChange,
  ): Promise<WebhookEndpointRecord | null> {
    const before = await this.#row(tenantId, id)
    if (before === null) return null
    const url = change.url === null ? before.url : canonicalAddress('webhook', change.url)
    const description = change.description === undefined ? before.description : change.description
    const rows = await this.#store.run(CHANGE, [id, tenantId, url, description]).catch(unlessTaken)
    if (rows.length === 0) return null
    this.#forget(tenantId, id, [before.url, url])
    if (change.enabled !== null) await this.#enable(tenantId, url, change.enabled)
    return this.find(tenantId, id)
  }

  async remove(tenantId: string, id: string): Promise<boolean> {
    const [row] = await this.#store.run<{ url: string }>(REMOVE, [id, tenantId])
    if (row === undefined) return false
    this.#forget(tenantId, id, [row.url])
    return true
  }

  async rotate(tenantId: string, id: string, overlapMs: number): Promise<WebhookEndpointWithSecret | null> {
    const row = await this.#row(tenantId, id)
    if (row === null) return null
    const now = this.#options.now()
    const { secret, sealed } = this.#newSecret(id)
    const valid = overlapMs === 0 ? [] : validSecrets(row.secrets, now)
    const kept = valid.flatMap((one) => this.#sealedAnew(one, id)).map(until(now + overlapMs))
    if (kept.length >= MOST_SECRETS) {
      throw new Failure(
        'conflict',
        `${MOST_SECRETS} secrets are valid; wait until one has expired, or end them with overlap 0m`,
      )
    }
    const values = [id, tenantId, JSON.stringify([sealed, ...kept]), JSON.stringify(row.secrets)]
    if ((await this.#store.run(ROTATE, values)).length === 0)
      throw new Failure('conflict', 'the endpoint was changed at the same moment')
    this.#forget(tenantId, id, [row.url])
    return { endpoint: await this.#there(tenantId, id), secret }
  }

  async #row(tenantId: string, id: string): Promise<EndpointRow | null> {
    const [row] = await this.#store.run<EndpointRow>(FIND, [id, tenantId])
    return row ?? null
  }

  async #there(tenantId: string, id: string): Promise<WebhookEndpointRecord> {
    const endpoint = await this.find(tenantId, id)
    if (endpoint === null) throw new Failure('conflict', 'the endpoint was deleted at the same moment')
    this.#forget(tenantId, id, [endpoint.url])
    return endpoint
  }

  async #enable(tenantId: string, address: string, enabled: boolean): Promise<void> {
    const { suppressions } = this.#options
    const target = { tenantId, channel: 'webhook', address } as const
    if (enabled) await suppressions.remove(target)
    else await suppressions.add(target, 'manual', null)
  }

  #forget(tenantId: string, id: string, urls: readonly string[]): void {
    for (const url of urls) this.#options.known.forget(tenantId, id, url)
  }

  /** So that the secrets before that of the service can be taken out. Nothing for one that cannot be read. */
  #sealedAnew(kept: SealedSecret, id: string): readonly SealedSecret[] {
    const { sealing } = this.#options
    const secret = sealing.open(kept.sealed, id)
    return secret === null ? [] : [{ ...kept, sealed: sealing.seal(secret, id) }]
  }

  #newSecret(id: string): { readonly secret: string; readonly sealed: SealedSecret } {
    const { sealing, now } = this.#options
    const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
    return { secret, sealed: { sealed: sealing.seal(secret, id), created_at: now(), expires_at: null } }
  }
}

/** What ends earlier anyhow does so. */
const until =
  (end: number) =>
  (secret: SealedSecret): SealedSecret => ({
    ...secret,
    expires_at: Math.min(secret.expires_at ?? end, end),
  })

/** SQLSTATE 23505: the one unique key besides the id is the URL. */
function unlessTaken(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === '23505')
    throw new Failure('conflict', 'there is an endpoint with this URL', { cause: error })
  throw error
}
