import { type Static, Type } from 'typebox'
import { MAX_TOKEN, PLATFORMS } from '../../model/device.js'
import { TimeOfDay, UserId } from './text.js'
import { NullableText, oneOf } from './values.js'

export const MAX_ENTRIES = 1_000
const MAX_WINDOWS = 7
const MAX_DEVICES = 100

const nullable = (maxLength: number, description: string, example: string) =>
  Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      minLength: 1,
      maxLength,
      description,
      examples: [example],
    }),
  )

const QuietWindow = Type.Object({ start: TimeOfDay, end: TimeOfDay }, { additionalProperties: false })
export type QuietWindow = Static<typeof QuietWindow>

const QuietHours = Type.Unsafe<readonly QuietWindow[] | null>({
  type: ['array', 'null'],
  maxItems: MAX_WINDOWS,
  items: QuietWindow,
  description:
    'Local times in which nothing goes out that would wake somebody up; `start` after `end` spans midnight. null: as configured. Empty: none.',
})

const Device = Type.Object(
  {
    platform: oneOf(PLATFORMS),
    token: Type.String({ minLength: 1, maxLength: MAX_TOKEN, pattern: '^[!-~]+$' }),
  },
  { additionalProperties: false },
)

const local = {
  locale: nullable(35, 'BCP 47. null: as the template has it.', 'zh-CN'),
  timezone: nullable(64, 'IANA. null: as configured.', 'Asia/Shanghai'),
  quiet_hours: Type.Optional(QuietHours),
}

const entry = {
  email: nullable(254, 'One bare address.', 'ada@example.com'),
  phone: nullable(40, 'International, E.164.', '+8613800138000'),
  ...local,
  devices: Type.Optional(
    Type.Array(Device, { maxItems: MAX_DEVICES, description: 'Where push notifications go.' }),
  ),
}

const ADA = {
  email: 'ada@example.com',
  phone: '+8613800138000',
  locale: 'zh-CN',
  timezone: 'Asia/Shanghai',
  quiet_hours: [{ start: '22:00', end: '08:00' }],
}

export const RecipientBody = Type.Object(entry, { additionalProperties: false, examples: [ADA] })
export type RecipientBody = Static<typeof RecipientBody>

export const RecipientsBody = Type.Object(
  {
    recipients: Type.Array(Type.Object({ user_id: UserId, ...entry }, { additionalProperties: false }), {
      minItems: 1,
      maxItems: MAX_ENTRIES,
      description: 'Each user at most once.',
    }),
  },
  { additionalProperties: false, examples: [{ recipients: [{ user_id: 'user_123', ...ADA }] }] },
)

export const RecipientAnswer = Type.Object({
  user_id: Type.String(),
  email: NullableText,
  phone: NullableText,
  locale: NullableText,
  timezone: NullableText,
  quiet_hours: QuietHours,
  devices: Type.Array(Device),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
})
export type RecipientAnswer = Static<typeof RecipientAnswer>

export const RecipientsAnswer = Type.Object({
  written: Type.Integer({ description: 'Entries, those that are new and those that were replaced.' }),
})

export const PreferencesBody = Type.Object(local, {
  additionalProperties: false,
  minProperties: 1,
  description: 'What is not named stays as it is.',
  examples: [{ timezone: 'Europe/Berlin', quiet_hours: [{ start: '23:00', end: '06:30' }] }],
})
export type PreferencesBody = Static<typeof PreferencesBody>

export const PreferencesAnswer = Type.Object({
  user_id: Type.String(),
  locale: NullableText,
  timezone: NullableText,
  quiet_hours: QuietHours,
  effective: Type.Object(
    { timezone: Type.String(), quiet_hours: Type.Array(QuietWindow) },
    { description: 'What counts: their own choice, or else the configuration.' },
  ),
})
export type PreferencesAnswer = Static<typeof PreferencesAnswer>
