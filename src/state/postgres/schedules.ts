import type {
  Page,
  PageQuery,
  ScheduleDefinition,
  ScheduleRecord,
  ScheduleRunRecord,
  ScheduleSummary,
  Schedules,
} from '../../api/ports.js'
import { nextRunBefore } from '../../model/due-run.js'
import { Failure } from '../../model/failure.js'
import { parseRecurrence } from '../../model/recurrence.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import {
  type RecordRow,
  type RunRow,
  type SummaryRow,
  toRecord,
  toRun,
  toSummary,
  toValues,
} from './schedule-rows.js'
import {
  CREATE,
  FIND,
  LIST,
  MOST_SCHEDULES,
  PAUSE,
  REMOVE,
  REPLACE,
  RESUME,
  RUN_NOW,
  RUNS,
} from './schedule-statements.js'
import type { Statement, Store } from './store.js'

/** What is to be sent again and again, as it is written and read; `PostgresScheduleRuns` does what falls due. */
export class PostgresSchedules implements Schedules {
  readonly #store: Store
  readonly #newId: () => string

  constructor(store: Store, options: { readonly newId: () => string }) {
    this.#store = store
    this.#newId = options.newId
  }

  async create(
    tenantId: string,
    createdBy: string,
    definition: ScheduleDefinition,
    nextRunAt: number,
  ): Promise<ScheduleRecord> {
    const values = [this.#newId(), tenantId, toValues(definition, nextRunAt), createdBy]
    const [row] = await this.#store.run<RecordRow>(CREATE, values)
    if (row === undefined)
      throw new Failure('conflict', `a tenant has at most ${MOST_SCHEDULES} schedules; delete one first`)
    return toRecord(row)
  }

  async list(tenantId: string, { limit, cursor }: PageQuery): Promise<Page<ScheduleSummary>> {
    const [after] = readCursor(cursor, 1)
    const rows = await this.#store.run<SummaryRow>(LIST, [tenantId, after, limit + 1])
    return page(rows, limit, ({ id }) => id, toSummary)
  }

  async find(tenantId: string, id: string): Promise<ScheduleRecord | null> {
    return this.#one(FIND, [id, tenantId])
  }

  async replace(
    tenantId: string,
    id: string,
    definition: ScheduleDefinition,
    nextRunAt: number,
  ): Promise<ScheduleRecord | null> {
    return this.#one(REPLACE, [id, tenantId, toValues(definition, nextRunAt)])
  }

  async remove(tenantId: string, id: string): Promise<boolean> {
    return (await this.#store.run(REMOVE, [id, tenantId])).length > 0
  }

  async pause(tenantId: string, id: string): Promise<ScheduleRecord | null> {
    return this.#one(PAUSE, [id, tenantId])
  }

  async resume(tenantId: string, id: string, now: number): Promise<ScheduleRecord | null> {
    const [row] = await this.#store.run<RecordRow>(FIND, [id, tenantId])
    if (row === undefined) return null
    const record = toRecord(row)
    if (!record.paused) return record
    const recurrence = parseRecurrence(record)
    if (typeof recurrence === 'string')
      throw new Failure('conflict', `the schedule cannot go on: ${recurrence}`)
    const nextRunAt = nextRunBefore(recurrence, now, record.endsAt)
    const resumed = await this.#one(RESUME, [id, tenantId, nextRunAt, row.revision])
    if (resumed === null) throw new Failure('conflict', 'the schedule was changed at the same moment')
    return resumed
  }

  async runNow(tenantId: string, id: string): Promise<ScheduleRunRecord | null> {
    const [row] = await this.#store.run<RunRow>(RUN_NOW, [id, tenantId])
    if (row !== undefined) return toRun(row)
    if ((await this.find(tenantId, id)) === null) return null
    throw new Failure('conflict', 'a run of the schedule is under way')
  }

  async runs(tenantId: string, id: string, query: PageQuery): Promise<Page<ScheduleRunRecord> | null> {
    const { limit, cursor } = query
    const before = cursor === null ? null : readRunCursor(cursor)
    const rows = await this.#store.run<RunRow>(RUNS, [id, tenantId, before, limit + 1])
    if (rows.length === 0 && (await this.find(tenantId, id)) === null) return null
    return page(rows, limit, (row) => String(row.planned_at), toRun)
  }

  async #one(statement: Statement, values: readonly unknown[]): Promise<ScheduleRecord | null> {
    const [row] = await this.#store.run<RecordRow>(statement, values)
    return row === undefined ? null : toRecord(row)
  }
}

/** @param rows one more than fits, when there are more */
function page<Row, T>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => string,
  item: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const more = rows.length > limit && last !== undefined
  return { items: shown.map(item), nextCursor: more ? cursorOf([key(last)]) : null }
}

function readRunCursor(cursor: string): number {
  const [text = ''] = readCursor(cursor, 1)
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw Failure.field('validation_failed', '/cursor', 'must be the next_cursor of an earlier page')
}
