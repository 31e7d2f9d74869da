import type {
  NewTemplate,
  Page,
  PageQuery,
  TemplateLibrary,
  TemplateRecord,
  TemplateReview,
  TemplateSummary,
  TemplateTexts,
  TemplateVersion,
  VariantStats,
  VersionKey,
} from '../../api/ports.js'
import { Failure } from '../../model/failure.js'
import type { Channel } from '../../model/notification.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { Statement, Store } from './store.js'
import type { PostgresTemplates } from './templates.js'
import {
  type ReviewRow,
  type SummaryRow,
  toReview,
  toSummary,
  toTemplateRecord,
  toVersion,
  type VersionRow,
} from './templates-rows.js'
import * as statements from './templates-statements.js'
import { readVariantStats } from './templates-stats.js'

export interface LibraryOptions {
  readonly newId: () => string
  /** Whether a new version is sent at once. */
  readonly autoApprove: boolean
}

/** The templates of each tenant, for those who write and review them. */
export class PostgresTemplateLibrary implements TemplateLibrary {
  readonly #store: Store
  readonly #sent: PostgresTemplates
  readonly #options: LibraryOptions

  /** @param sent what is remembered of the templates that change here */
  constructor(store: Store, sent: PostgresTemplates, options: LibraryOptions) {
    this.#store = store
    this.#sent = sent
    this.#options = options
  }

  async create(tenantId: string, template: NewTemplate, author: string): Promise<TemplateRecord> {
    const id = template.id ?? this.#options.newId()
    const values = [tenantId, id, template.name, ...this.#version(template.texts, author), template.channel]
    const [row] = await this.#change<SummaryRow & VersionRow>(tenantId, id, statements.CREATE, values)
    if (row === undefined) throw Failure.field('conflict', '/id', 'is the id of a template that exists')
    return toTemplateRecord(row)
  }

  async find(tenantId: string, id: string): Promise<TemplateRecord | null> {
    const [row] = await this.#store.run<SummaryRow & VersionRow>(statements.FIND, [tenantId, id])
    return row === undefined ? null : toTemplateRecord(row)
  }

  async list(
    tenantId: string,
    channel: Channel | null,
    { limit, cursor }: PageQuery,
  ): Promise<Page<TemplateSummary>> {
    const values = [tenantId, ...readCursor(cursor, 1), channel, limit + 1]
    const rows = await this.#store.run<SummaryRow>(statements.LIST, values)
    return pageOf(rows.map(toSummary), limit, ({ id }) => id)
  }

  async update(
    tenantId: string,
    id: string,
    { name, texts }: { readonly name: string | null; readonly texts: TemplateTexts },
    author: string,
  ): Promise<TemplateRecord | null> {
    const values = [tenantId, id, name, ...this.#version(texts, author)]
    const [row] = await this.#change<SummaryRow & VersionRow>(tenantId, id, statements.UPDATE, values)
    if (row !== undefined) return toTemplateRecord(row)
    if ((await this.find(tenantId, id)) === null) return null
    throw new Failure(
      'conflict',
      `the template has ${statements.MAX_VERSIONS} versions already; create another one`,
    )
  }

  async remove(tenantId: string, id: string): Promise<boolean> {
    return (await this.#change(tenantId, id, statements.REMOVE, [tenantId, id])).length > 0
  }

  async versions(
    tenantId: string,
    id: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<TemplateReview> | null> {
    const before = cursor === null ? statements.MAX_VERSIONS + 1 : versionOf(cursor)
    const values = [tenantId, id, before, limit + 1]
    const rows = await this.#store.run<ReviewRow>(statements.LIST_VERSIONS, values)
    if (rows.length === 0 && (await this.find(tenantId, id)) === null) return null
    return pageOf(rows.map(toReview), limit, ({ version }) => String(version))
  }

  async findVersion({ tenantId, id, version }: VersionKey): Promise<TemplateVersion | null> {
    const [row] = await this.#store.run<VersionRow>(statements.FIND_VERSION, [tenantId, id, version])
    return row === undefined ? null : toVersion(row)
  }

  approve(key: VersionKey, reviewer: string): Promise<TemplateVersion | null> {
    return this.#review(key, statements.APPROVE, [reviewer], 'can no longer be approved')
  }

  reject(key: VersionKey, reviewer: string, reason: string): Promise<TemplateVersion | null> {
    return this.#review(key, statements.REJECT, [reviewer, reason], 'can no longer be rejected')
  }

  activate(key: VersionKey): Promise<TemplateVersion | null> {
    return this.#review(key, statements.ACTIVATE, [], 'cannot be made active')
  }

  stats(tenantId: string, id: string, since: number): Promise<readonly VariantStats[] | null> {
    return readVariantStats(this.#store, tenantId, id, since)
  }

  async #review(
    key: VersionKey,
    statement: Statement,
    values: readonly unknown[],
    refusal: string,
  ): Promise<TemplateVersion | null> {
    const { tenantId, id, version } = key
    const all = [tenantId, id, version, ...values]
    const [row] = await this.#change<VersionRow>(tenantId, id, statement, all)
    if (row !== undefined) return toVersion(row)
    const found = await this.findVersion(key)
    if (found === null) return null
    throw new Failure('conflict', `version ${version} is ${found.status} and ${refusal}`)
  }

  /** Even a statement that failed may have been committed. */
  async #change<Row extends object>(
    tenantId: string,
    id: string,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    try {
      return await this.#store.run<Row>(statement, values)
    } finally {
      this.#sent.forget({ tenantId, id })
    }
  }

  #version(
    { defaultLocale, variables, variants, vendor = null }: TemplateTexts,
    author: string,
  ): readonly unknown[] {
    const { autoApprove } = this.#options
    const [names, texts] = [JSON.stringify(variables), JSON.stringify(variants)]
    return [autoApprove, defaultLocale, names, texts, vendor && JSON.stringify(vendor), author]
  }
}

/** @param items one more than `limit` when there is another page */
function pageOf<T>(items: readonly T[], limit: number, keyOf: (item: T) => string): Page<T> {
  const last = items.length > limit ? items[limit - 1] : undefined
  return { items: items.slice(0, limit), nextCursor: last === undefined ? null : cursorOf([keyOf(last)]) }
}

function versionOf(cursor: string): number {
  const [version = ''] = readCursor(cursor, 1)
  if (/^[1-9]\d{0,3}$/.test(version)) return Number(version)
  throw Failure.field('validation_failed', '/cursor', 'must be the next_cursor of an earlier page')
}
