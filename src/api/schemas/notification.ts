import { type Static, Type } from 'typebox'
import type { DigestFrequency } from '../../model/recipient.js'
import { AttachmentAnswer } from './attachments.js'
import { Cursor, Time } from './text.js'
import { AnyObject, Channel, NullableText, NullableTime, oneOf, Priority, Status } from './values.js'

const TemplateUse = Type.Unsafe<{
  readonly id: string | null
  readonly version: number
  readonly variant: string
  readonly locale: string
} | null>({
  type: ['object', 'null'],
  description: 'The text that it was rendered with; version 0 is the built-in digest.',
  properties: {
    id: { type: ['string', 'null'] },
    version: { type: 'integer' },
    variant: { type: 'string' },
    locale: { type: 'string' },
  },
})

const Frequency = Type.Unsafe<DigestFrequency | null>({
  type: ['string', 'null'],
  description: 'Set when it is a digest of others.',
})

const summary = {
  id: Type.String(),
  tenant_id: Type.String(),
  user_id: Type.String(),
  channel: Channel,
  priority: Priority,
  notification_type: Type.String(),
  title: Type.String(),
  content: Type.String(),
  metadata: AnyObject(),
  attachments: Type.Array(AttachmentAnswer),
  status: Status,
  reason: NullableText,
  template: TemplateUse,
  digest: Frequency,
  digest_id: NullableText,
  job_id: NullableText,
  parent_id: NullableText,
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
  scheduled_at: NullableTime,
  expires_at: NullableTime,
  due_at: NullableTime,
  sent_at: NullableTime,
  read_at: NullableTime,
  archived_at: NullableTime,
}

export const NotificationAnswer = Type.Object(summary)
export type NotificationAnswer = Static<typeof NotificationAnswer>

const Attempt = Type.Object({
  attempt: Type.Integer(),
  result: oneOf(['sent', 'failed', 'uncertain', 'retry', 'released']),
  failure_code: NullableText,
  message: NullableText,
  provider: NullableText,
  provider_id: NullableText,
  started_at: Type.String({ format: 'date-time' }),
  duration_ms: Type.Number(),
})

const Link = Type.Object({
  id: Type.String(),
  channel: Channel,
  status: Status,
  reason: NullableText,
  attempt: Type.Integer(),
  created_at: Type.String({ format: 'date-time' }),
  sent_at: NullableTime,
})

export const NotificationDetail = Type.Object({
  ...summary,
  attempts: Type.Array(Attempt),
  chain: Type.Optional(
    Type.Array(Link, {
      description: 'With fallbacks: every notification that was tried, this one among them, in order.',
    }),
  ),
  collected: Type.Optional(
    Type.Array(Type.String(), { description: 'Of a digest: what is in it, the first 1000.' }),
  ),
})
export type NotificationDetail = Static<typeof NotificationDetail>

export const StatusAnswer = Type.Object({
  id: Type.String(),
  status: Status,
  reason: NullableText,
  attempt: Type.Integer({ description: 'Delivery attempts begun so far.' }),
  updated_at: Type.String({ format: 'date-time' }),
  due_at: NullableTime,
  sent_at: NullableTime,
})
export type StatusAnswer = Static<typeof StatusAnswer>

export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) })

export const RescheduleBody = Type.Object(
  { scheduled_at: Time('The new time; RFC 3339 with a zone.') },
  { additionalProperties: false },
)

export const InboxQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Cursor),
    unread: Type.Optional(Type.Boolean({ description: 'true: only unread. false: only read.' })),
    archived: Type.Optional(Type.Boolean({ default: false })),
    channel: Type.Optional(Channel),
  },
  { additionalProperties: false },
)

export const InboxAnswer = Type.Object({
  notifications: Type.Array(NotificationAnswer),
  next_cursor: NullableText,
})
