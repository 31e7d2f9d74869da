import type { BatchAnswer } from '../schemas/batch.js'
import type { NotificationAnswer } from '../schemas/notification.js'
import type { SendAnswer } from '../schemas/send.js'
import { structOf } from './struct.js'

/** The messages that say what the answers over HTTP say. */

export const sendMessage = (answer: SendAnswer): object => ({
  ...answer,
  status: named('STATUS', answer.status),
  created_at: timestamp(answer.created_at),
  deferred_until: timestampOrNull(answer.deferred_until),
})

export const batchMessage = (answer: BatchAnswer): object => ({
  ...answer,
  status: named('JOB_STATUS', answer.status),
  created_at: timestamp(answer.created_at),
})

export const notificationMessage = (answer: NotificationAnswer): object => ({
  ...answer,
  channel: named('CHANNEL', answer.channel),
  priority: named('PRIORITY', answer.priority),
  metadata: structOf(answer.metadata),
  status: named('STATUS', answer.status),
  digest: answer.digest === null ? null : named('DIGEST_FREQUENCY', answer.digest),
  created_at: timestamp(answer.created_at),
  updated_at: timestamp(answer.updated_at),
  scheduled_at: timestampOrNull(answer.scheduled_at),
  expires_at: timestampOrNull(answer.expires_at),
  due_at: timestampOrNull(answer.due_at),
  sent_at: timestampOrNull(answer.sent_at),
  read_at: timestampOrNull(answer.read_at),
  archived_at: timestampOrNull(answer.archived_at),
})

const named = (prefix: string, word: string): string => `${prefix}_${word.toUpperCase()}`

function timestamp(iso: string): object {
  const ms = Date.parse(iso)
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: (ms - seconds * 1_000) * 1_000_000 }
}

/** Null is not there. */
const timestampOrNull = (iso: string | null | undefined): object | null =>
  iso === null || iso === undefined ? null : timestamp(iso)
