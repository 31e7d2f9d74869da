import { randomUUID } from 'node:crypto'
import { type Acceptance, acceptanceOf } from '../../model/acceptance.js'
import type {
  AttemptResult,
  Claimed,
  Entry,
  InsertResult,
  Ledger,
  TenantKey,
  Waiting,
} from '../../streams/ports.js'
import { CLAIM, DECIDE, SETTLE, WAITING } from './delivery-statements.js'
import { INSERT, INSERT_KEYED, incoming, RECALL } from './insert.js'
import { type NotificationRow, toNotification } from './rows.js'
import type { Store } from './store.js'

interface KeyRow {
  readonly tenant_id: string
  readonly key: string
  readonly fingerprint: string
  readonly acceptance: Acceptance
}

/** The ledger in PostgreSQL: each method is one statement for the whole batch. */
export class PostgresLedger implements Ledger {
  readonly #store: Store
  readonly #keySeconds: number

  /** @param keyTtlMs how long an idempotency key is remembered */
  constructor(store: Store, { keyTtlMs }: { readonly keyTtlMs: number }) {
    this.#store = store
    this.#keySeconds = keyTtlMs / 1000
  }

  async recall(keys: readonly TenantKey[]): Promise<readonly (InsertResult | null)[]> {
    const wanted = keys.map(({ tenantId, key }) => ({ tenant_id: tenantId, key }))
    const rows = await this.#store.run<KeyRow>(RECALL, [JSON.stringify(wanted), this.#keySeconds])
    const known = new Map(rows.map((row) => [index(row.tenant_id, row.key), row]))
    return keys.map((key) => replay(known.get(index(key.tenantId, key.key)), key))
  }

  async insert(entries: readonly Entry[]): Promise<readonly InsertResult[]> {
    if (entries.every(({ notification }) => notification.idempotency === null)) {
      await this.#store.run(INSERT, [JSON.stringify(entries.map(incoming))])
      return entries.map(accepted)
    }
    return this.#insertKeyed(entries)
  }

  async #insertKeyed(entries: readonly Entry[]): Promise<readonly InsertResult[]> {
    const firsts = [...new Map([...entries].reverse().map((entry) => [keyOf(entry), entry])).values()]
    const values = [JSON.stringify(firsts.map(incoming)), this.#keySeconds]
    const rows = await this.#store.run<{ id: string }>(INSERT_KEYED, values)
    const written = new Set(rows.map(({ id }) => id))
    const others = entries.filter(({ notification }) => !written.has(notification.id))
    const recalled = others.length === 0 ? [] : await this.recall(others.flatMap(tenantKeyOf))
    let next = 0
    return entries.map((entry) => {
      if (written.has(entry.notification.id)) return accepted(entry)
      const earlier = recalled[next++]
      if (earlier) return earlier
      throw new Error(`notification ${entry.notification.id} was neither written nor known by its key`)
    })
  }

  async decide(entries: readonly Entry[]): Promise<void> {
    await this.#store.run(DECIDE, [JSON.stringify(entries.map(incoming))])
  }

  async waiting(ids: readonly string[]): Promise<readonly Waiting[]> {
    const rows = await this.#store.run<NotificationRow & { due_at: number; early: boolean }>(WAITING, [ids])
    return rows.map((row) => ({ notification: toNotification(row), dueAt: row.due_at, early: row.early }))
  }

  async claim(ids: readonly string[], leaseMs: number): Promise<readonly Claimed[]> {
    const leaseToken = randomUUID()
    const rows = await this.#store.run<NotificationRow & { status: string }>(CLAIM, [
      ids,
      leaseToken,
      leaseMs / 1000,
    ])
    return rows.flatMap((row) =>
      row.status === 'sending' ? [{ notification: toNotification(row), leaseToken }] : [],
    )
  }

  async settle(
    results: readonly AttemptResult[],
  ): Promise<ReadonlyMap<string, { readonly dueAt: number | null }>> {
    const written = results.map((result) => ({
      id: result.id,
      lease_token: result.leaseToken,
      attempt: result.attempt,
      result: result.status,
      retry_after: result.retryAfterMs / 1000,
      failure_code: result.failure?.code ?? null,
      message: result.failure?.message.slice(0, 1_000) ?? null,
      provider_id: result.receipt?.providerId?.slice(0, 255) ?? null,
      started_at: result.startedAt,
      duration_ms: result.durationMs,
    }))
    const rows = await this.#store.run<{ id: string; due_at: number | null }>(SETTLE, [
      JSON.stringify(written),
    ])
    return new Map(rows.map(({ id, due_at }) => [id, { dueAt: due_at }]))
  }
}

const index = (tenantId: string, key: string): string => JSON.stringify([tenantId, key])

const accepted = ({ notification, decision }: Entry): InsertResult => ({
  kind: 'accepted',
  acceptance: acceptanceOf(notification, decision),
})

const tenantKeyOf = ({ notification: { tenantId, idempotency } }: Entry): TenantKey[] =>
  idempotency === null ? [] : [{ tenantId, ...idempotency }]

/** What must be unique within one statement: the key, or for want of one the notification. */
const keyOf = ({ notification: { id, tenantId, idempotency } }: Entry): string =>
  idempotency === null ? id : index(tenantId, idempotency.key)

function replay(row: KeyRow | undefined, { fingerprint }: TenantKey): InsertResult | null {
  if (row === undefined) return null
  if (row.fingerprint !== fingerprint) return { kind: 'mismatch' }
  return { kind: 'accepted', acceptance: { ...row.acceptance, replayed: true } }
}
