import type { NotificationRecord, PersonalData, Profile, SuppressionRecord } from '../../api/ports.js'
import { directoryAddress } from '../../model/address.js'
import { CHANNELS } from '../../model/notification.js'
import type { Recipient } from '../../model/recipient.js'
import type { UserAddress } from '../../streams/ports.js'
import { type BlockRow, FIND_BLOCK, toBlock } from './blocklist.js'
import { type EntryRow, FIND_ENTRY, toEntry } from './directory.js'
import type { PostgresRecipients } from './recipients.js'
import { RECORD_COLUMNS, type RecordRow, toRecord } from './records.js'
import type { Statement, Store } from './store.js'
import { LIST_RULES, type RuleRow, toRules } from './subscriptions.js'
import { findSuppressions } from './suppressions.js'

const PAGE = 500

const EXPORT: Statement = {
  name: 'personal_data_export',
  text: `SELECT ${RECORD_COLUMNS} FROM notifications n
    WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.id > $3 ORDER BY n.id LIMIT ${PAGE}`,
}

/** What is being sent at this moment is erased by a later pass, when its result is in. */
const ERASE: Statement = {
  name: 'personal_data_erase',
  text: `DELETE FROM notifications WHERE id IN (
      SELECT id FROM notifications WHERE tenant_id = $1 AND user_id = $2 AND status <> 'sending'
      ORDER BY id LIMIT ${PAGE} FOR UPDATE SKIP LOCKED)
    RETURNING id, ARRAY(SELECT file->>'id' FROM jsonb_array_elements(attachments) AS file) AS files`,
}

/** A statement of its own: the one above would not see attempts that were written while it ran. */
const ERASE_ATTEMPTS: Statement = {
  name: 'personal_data_erase_attempts',
  text: 'DELETE FROM delivery_attempts WHERE notification_id = ANY($1::text[])',
}

/**
 * Others may have the same files; the next sweep deletes those that nobody has. Not before a request
 * that counts on one, at this moment, has its notification.
 */
const RELEASE_FILES: Statement = {
  name: 'personal_data_release_files',
  text: `UPDATE attachments kept SET keep_until = released.at FROM (
      SELECT id, now() + interval '15 minutes' AS at FROM attachments
      WHERE tenant_id = $1 AND id = ANY($2::text[]) AND keep_until > now() + interval '15 minutes'
      ORDER BY id FOR UPDATE) AS released
    WHERE kept.tenant_id = $1 AND kept.id = released.id`,
}

const COUNT: Statement = {
  name: 'personal_data_count',
  text: 'SELECT count(*) AS remaining FROM notifications WHERE tenant_id = $1 AND user_id = $2',
}

const ERASE_PROFILE: Statement = {
  name: 'personal_data_erase_profile',
  text: `WITH rules AS (DELETE FROM subscriptions WHERE tenant_id = $1 AND user_id = $2),
      counts AS (DELETE FROM send_counts WHERE tenant_id = $1 AND user_id = $2)
    DELETE FROM recipients WHERE tenant_id = $1 AND user_id = $2`,
}

/** All that is kept about one recipient. */
export class PostgresPersonalData implements PersonalData {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetUser'>

  /** @param known what is remembered of those who are erased */
  constructor(store: Store, known: Pick<PostgresRecipients, 'forgetUser'>) {
    this.#store = store
    this.#known = known
  }

  async profile({ tenantId, userId }: UserAddress): Promise<Profile | null> {
    const user = [tenantId, userId]
    const [[entry], rules, [block]] = await Promise.all([
      this.#store.run<EntryRow>(FIND_ENTRY, user),
      this.#store.run<RuleRow>(LIST_RULES, user),
      this.#store.run<BlockRow>(FIND_BLOCK, user),
    ])
    if (entry === undefined && rules.length === 0 && block === undefined) return null
    return {
      entry: entry === undefined ? null : toEntry(entry),
      subscriptions: toRules(rules),
      blocked: block === undefined ? null : toBlock(block),
      suppressions: entry === undefined ? [] : await this.#suppressions(tenantId, toEntry(entry)),
    }
  }

  #suppressions(
    tenantId: string,
    recipient: Pick<Recipient, 'email' | 'phone'>,
  ): Promise<readonly SuppressionRecord[]> {
    const addresses = CHANNELS.flatMap((channel) => {
      const address = directoryAddress(channel, recipient)
      return address === null ? [] : [{ tenantId, channel, address }]
    })
    return findSuppressions(this.#store, addresses)
  }

  async *export({ tenantId, userId }: UserAddress): AsyncGenerator<NotificationRecord> {
    let after = ''
    for (;;) {
      const rows = await this.#store.run<RecordRow>(EXPORT, [tenantId, userId, after])
      for (const row of rows) yield toRecord(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      after = last.id
    }
  }

  async erase({
    tenantId,
    userId,
  }: UserAddress): Promise<{ readonly erased: number; readonly remaining: number }> {
    await this.#store.run(ERASE_PROFILE, [tenantId, userId])
    this.#known.forgetUser({ tenantId, userId })
    let erased = 0
    for (;;) {
      const gone = await this.#store.run<{ id: string; files: readonly string[] }>(ERASE, [tenantId, userId])
      await this.#store.run(ERASE_ATTEMPTS, [gone.map(({ id }) => id)])
      const files = gone.flatMap((row) => row.files)
      if (files.length > 0) await this.#store.run(RELEASE_FILES, [tenantId, [...new Set(files)]])
      erased += gone.length
      if (gone.length < PAGE) break
    }
    const [left] = await this.#store.run<{ remaining: number }>(COUNT, [tenantId, userId])
    return { erased, remaining: left?.remaining ?? 0 }
  }
}
