import { type Static, Type } from 'typebox'
import { AttachmentsBody } from './attachments.js'
import { Content, Locale, Name, NotificationType, TenantId, Time, Title, UserId } from './text.js'
import { AnyObject, Channel, Priority, Status } from './values.js'

const Variables = AnyObject({
  description: 'Values for the Liquid variables of the template, or of title and content.',
  examples: [{ user_name: '张三', product_name: 'VoiceAssistant' }],
})

const Metadata = AnyObject({
  description:
    'At most 16 KB of JSON, without `devices`. `email`, `phone` and `webhook_url` are the addresses of those channels; `devices` (up to 1000 of `{platform, token}`) or `platform` and `device_token` are those of push. What is not given is taken from the recipients directory. The rest goes with the notification.',
  examples: [{ email: 'user@example.com' }],
})

/** What a message says and how it goes, apart from who gets it. */
export const messageFields = {
  tenant_id: TenantId,
  channel: Channel,
  priority: Type.Optional(Priority),
  notification_type: Type.Optional(NotificationType),
  template_id: Type.Optional(Name({ description: 'Goes before title and content.' })),
  variables: Type.Optional(Variables),
  locale: Type.Optional(Locale),
  title: Type.Optional(Title),
  content: Type.Optional(Content),
  metadata: Type.Optional(Metadata),
  attachments: Type.Optional(AttachmentsBody),
  scheduled_at: Type.Optional(
    Time('When to send, RFC 3339 with a zone; within ten years. Up to a minute ago counts as now.'),
  ),
  expires_at: Type.Optional(Time('Not sent after this time; RFC 3339 with a zone, later than scheduled_at.')),
}

export const MessageBody = Type.Object(messageFields)
export type MessageBody = Static<typeof MessageBody>

export const SendBody = Type.Object(
  { ...messageFields, user_id: UserId },
  {
    additionalProperties: false,
    examples: [
      {
        tenant_id: 'tenant_abc',
        user_id: 'user_123',
        channel: 'email',
        priority: 'high',
        title: '欢迎使用VoiceAssistant',
        content: '欢迎您注册...',
        metadata: { email: 'user@example.com' },
      },
    ],
  },
)

export type SendBody = Static<typeof SendBody>

export const SendAnswer = Type.Object({
  id: Type.String({ examples: ['notif_0198c0de-0000-7000-8000-000000000000'] }),
  status: Status,
  created_at: Type.String({ format: 'date-time' }),
  reason: Type.Optional(Type.String({ description: 'Why it is suppressed, expired or deferred.' })),
  deferred_until: Type.Optional(Type.String({ format: 'date-time' })),
})
export type SendAnswer = Static<typeof SendAnswer>
