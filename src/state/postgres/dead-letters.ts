import type { DeadLetters, Page, PageQuery, RedrivenNotifications } from '../../api/ports.js'
import type { DeadEvent, Poison } from '../../model/dead-event.js'
import type { DeadEventRecord, DeadLetter, DeadLetterFilter } from '../../model/dead-letter.js'
import { ADD, adding, reasonOf, SETTLE_EVENTS, weightOf } from './dead-letters-events.js'
import { portions, redrive, refusals, type Wanted } from './dead-letters-redrive.js'
import {
  DEAD_EVENT_COLUMNS,
  DEAD_NOTIFICATION_COLUMNS,
  DEAD_RECORD_COLUMNS,
  type DeadEventRow,
  type DeadNotificationRow,
  type DeadRecordRow,
  toDeadEvent,
  toDeadNotification,
  toDeadRecord,
} from './dead-letters-rows.js'
import { beginning, countNext, placeCursor, scan } from './dead-letters-scan.js'
import type { Statement, Store } from './store.js'

const NOTIFICATIONS: Statement = {
  name: 'dead_letters_notifications',
  text: `SELECT ${DEAD_NOTIFICATION_COLUMNS} FROM notifications n
    WHERE n.tenant_id = $1 AND n.id = ANY($2::text[]) AND (n.status || '') IN ('failed', 'uncertain')
      AND n.digest_id IS NULL AND (SELECT c.id FROM notifications c WHERE c.parent_id = n.id LIMIT 1) IS NULL`,
}

const EVENTS: Statement = {
  name: 'dead_letters_events',
  text: `SELECT ${DEAD_EVENT_COLUMNS} FROM dead_letters d WHERE d.tenant_id = $1 AND d.id = ANY($2::text[])`,
}

const RECORDS: Statement = {
  name: 'dead_letters_records',
  text: `SELECT ${DEAD_RECORD_COLUMNS} FROM dead_letters d WHERE d.tenant_id = $1 AND d.id = ANY($2::text[])`,
}

const REMOVE: Statement = {
  name: 'dead_letters_remove',
  text: 'DELETE FROM dead_letters WHERE tenant_id = $1 AND id = $2 RETURNING true',
}

/** What a statement carries at once, in bytes. */
const MOST_ADDED_AT_ONCE = 8 * 1024 * 1024

export interface DeadLetterOptions {
  /** For what people look at. */
  readonly reading: Store
  readonly newId: () => string
}

/** Events that could not become notifications, and notifications that ended badly, as one list. */
export class PostgresDeadLetters implements DeadLetters {
  readonly #store: Store
  readonly #reading: Store
  readonly #newId: () => string

  constructor(store: Store, { reading, newId }: DeadLetterOptions) {
    this.#store = store
    this.#reading = reading
    this.#newId = newId
  }

  /** Resolves once they are durable. What is there already, the same record brought again, stays as it is. */
  async add(events: readonly DeadEvent[]): Promise<void> {
    let rows: object[] = []
    let left = MOST_ADDED_AT_ONCE
    const write = async (): Promise<void> => {
      if (rows.length > 0) await this.#store.run(ADD, [JSON.stringify(rows)])
      rows = []
      left = MOST_ADDED_AT_ONCE
    }
    for (const event of events) {
      if (weightOf(event) > left) await write()
      rows.push(adding(event, this.#newId()))
      left -= weightOf(event)
    }
    await write()
  }

  async list(
    tenantId: string,
    filter: DeadLetterFilter,
    { limit, cursor }: PageQuery,
  ): Promise<Page<DeadLetter>> {
    const after = beginning(filter, cursor)
    const { found, next } = await scan(this.#reading, tenantId, filter, { limit, after })
    const ids = (events: boolean): string[] =>
      found.filter(({ is_event }) => is_event === events).map(({ id }) => id)
    const known = new Map(
      [
        ...(await this.#notifications(tenantId, ids(false))),
        ...(await this.#events(tenantId, ids(true))),
      ].map((letter) => [letter.id, letter]),
    )
    // What was redriven or deleted meanwhile is left out.
    return { items: found.flatMap(({ id }) => known.get(id) ?? []), nextCursor: placeCursor(next) }
  }

  remaining(tenantId: string, filter: DeadLetterFilter, cursor: string): Promise<number> {
    return countNext(this.#reading, tenantId, filter, beginning(filter, cursor))
  }

  async findNotification(tenantId: string, id: string): Promise<DeadLetter | null> {
    return (await this.#notifications(tenantId, [id]))[0] ?? null
  }

  async records(tenantId: string, ids: readonly string[]): Promise<readonly DeadEventRecord[]> {
    return (await this.#store.run<DeadRecordRow>(RECORDS, [tenantId, ids])).map(toDeadRecord)
  }

  async settle(outcomes: ReadonlyMap<string, Pick<Poison, 'reason' | 'detail'> | null>): Promise<void> {
    const rows = [...outcomes].map(([id, poison]) => ({ id, ...(poison === null ? {} : reasonOf(poison)) }))
    await this.#store.run(SETTLE_EVENTS, [JSON.stringify(rows)])
  }

  async remove(tenantId: string, id: string): Promise<boolean> {
    return (await this.#store.run(REMOVE, [tenantId, id])).length > 0
  }

  async *redrive(tenantId: string, wanted: readonly Wanted[]): AsyncGenerator<RedrivenNotifications> {
    for (const ids of portions(wanted)) {
      const rows = await redrive(this.#store, tenantId, ids)
      const done = new Set(rows.map(({ id }) => id))
      const left = ids.filter((id) => !done.has(id))
      yield {
        redriven: rows.map(({ due_at: dueAt, ...row }) => ({ ...row, dueAt })),
        refused: await refusals(this.#store, tenantId, left),
      }
    }
  }

  async #notifications(tenantId: string, ids: readonly string[]): Promise<readonly DeadLetter[]> {
    if (ids.length === 0) return []
    return (await this.#reading.run<DeadNotificationRow>(NOTIFICATIONS, [tenantId, ids])).map(
      toDeadNotification,
    )
  }

  async #events(tenantId: string, ids: readonly string[]): Promise<readonly DeadLetter[]> {
    if (ids.length === 0) return []
    return (await this.#reading.run<DeadEventRow>(EVENTS, [tenantId, ids])).map(toDeadEvent)
  }
}
