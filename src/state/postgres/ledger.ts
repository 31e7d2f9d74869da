import { randomUUID } from 'node:crypto'
import { type Acceptance, acceptanceOf } from '../../model/acceptance.js'
import { Failure } from '../../model/failure.js'
import type { Notification } from '../../model/notification.js'
import type {
  AttemptResult,
  Claim,
  Claimed,
  DelayEntry,
  Entry,
  InsertResult,
  Ledger,
  Recalled,
  Settlements,
  TenantKey,
  Waiting,
} from '../../streams/ports.js'
import { CLAIM, DECIDE, deciding, WAITING } from './delivery-statements.js'
import type { WrittenRow } from './fallback.js'
import { INSERT, INSERT_KEYED, incoming, RECALL } from './insert.js'
import { type NotificationRow, toNotification } from './rows.js'
import { SETTLE, settling } from './settle.js'
import type { Store } from './store.js'

interface WaitingRow {
  readonly reason: string | null
  readonly due_at: number
  readonly early: boolean
}

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

  async recall(keys: readonly TenantKey[]): Promise<readonly (Recalled | null)[]> {
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
    const recalled = others.length === 0 ? [] : await this.#recallRefusing(others.flatMap(tenantKeyOf))
    let next = 0
    return entries.map((entry) => {
      if (written.has(entry.notification.id)) return accepted(entry)
      return recalled[next++] ?? { kind: 'refused', failure: again('the idempotency key has just run out') }
    })
  }

  /** The others of the batch are written: a failure here is theirs alone who wait for an earlier answer. */
  async #recallRefusing(keys: readonly TenantKey[]): Promise<readonly (InsertResult | null)[]> {
    try {
      return await this.recall(keys)
    } catch (cause) {
      const failure = again('the earlier answer cannot be read', cause)
      return keys.map(() => ({ kind: 'refused', failure }))
    }
  }

  async decide(entries: readonly Entry[]): Promise<Settlements> {
    return written(await this.#store.run<WrittenRow>(DECIDE, [JSON.stringify(entries.map(deciding))]))
  }

  async waiting(ids: readonly string[]): Promise<readonly Waiting[]> {
    const rows = await this.#store.run<NotificationRow & WaitingRow>(WAITING, [ids])
    return rows.map((row) => ({
      notification: toNotification(row, { reason: row.reason, dueAt: row.due_at }),
      dueAt: row.due_at,
      early: row.early,
    }))
  }

  async claim(ids: readonly string[], leaseMs: number): Promise<Claim> {
    const leaseToken = randomUUID()
    const rows = await this.#store.run<NotificationRow & { status: string; due_at: number }>(CLAIM, [
      ids,
      leaseToken,
      leaseMs / 1000,
    ])
    const claimed: Claimed[] = []
    const expired: Notification[] = []
    for (const row of rows) {
      const notification = toNotification(row, { reason: null, dueAt: row.due_at })
      if (row.status === 'sending') claimed.push({ notification, leaseToken })
      else expired.push(notification)
    }
    return { claimed, expired }
  }

  async settle(results: readonly AttemptResult[]): Promise<Settlements> {
    return written(await this.#store.run<WrittenRow>(SETTLE, [JSON.stringify(results.map(settling))]))
  }
}

function written(rows: readonly WrittenRow[]): Settlements {
  const applied = new Set<string>()
  const due: DelayEntry[] = []
  for (const { id, tenant_id, due_at, is_fallback } of rows) {
    if (due_at !== null) due.push({ id, tenantId: tenant_id, dueAt: due_at })
    if (!is_fallback) applied.add(id)
  }
  return { applied, due }
}

const again = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause, retryAfterMs: 1_000 })

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

function replay(row: KeyRow | undefined, { fingerprint }: TenantKey): Recalled | null {
  if (row === undefined) return null
  if (row.fingerprint !== fingerprint) return { kind: 'mismatch' }
  return { kind: 'accepted', acceptance: { ...row.acceptance, replayed: true } }
}
