import { type Static, Type } from 'typebox'
import { ADDRESS_FIELD } from '../../model/address.js'
import { CHANNELS } from '../../model/notification.js'
import { SUPPRESSION_REASONS } from '../../model/recipient.js'
import { KeyCursor, Line } from './text.js'
import { NullableText, oneOf } from './values.js'

const MAX_ADDRESS = 2_048
const MAX_NOTE = 500

/** Of the others the user's id is the address: there is the blocklist for that. */
const AddressedChannel = oneOf(CHANNELS.filter((channel) => ADDRESS_FIELD[channel] !== null))
const Reason = oneOf(SUPPRESSION_REASONS)
const address = (description: string) => Line(MAX_ADDRESS, { description, examples: ['ada@example.com'] })

export const SuppressionBody = Type.Object(
  {
    channel: AddressedChannel,
    address: address('An email address, or the URL of a webhook.'),
    reason: Reason,
    note: Type.Optional(Line(MAX_NOTE)),
  },
  {
    additionalProperties: false,
    examples: [
      { channel: 'email', address: 'ada@example.com', reason: 'bounce', note: '550 5.1.1 user unknown' },
    ],
  },
)

export const SuppressionQuery = Type.Object(
  { channel: AddressedChannel, address: address('In any spelling.') },
  { additionalProperties: false },
)

export const SuppressionsQuery = Type.Object(
  {
    channel: Type.Optional(AddressedChannel),
    address: Type.Optional(address('In any spelling.')),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(KeyCursor),
  },
  { additionalProperties: false },
)

export const SuppressionAnswer = Type.Object({
  channel: Type.String(),
  address: Type.String({ description: 'In its canonical spelling.' }),
  reason: Reason,
  note: NullableText,
  created_at: Type.String({ format: 'date-time' }),
})
export type SuppressionAnswer = Static<typeof SuppressionAnswer>

export const SuppressionsAnswer = Type.Object({
  suppressions: Type.Array(SuppressionAnswer),
  next_cursor: NullableText,
})
