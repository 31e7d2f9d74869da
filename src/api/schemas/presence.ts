import { Type } from 'typebox'
import { KeyCursor } from './text.js'

export const MAX_ASKED = 100
const LONGEST_ID = 64

export const PresenceQuery = Type.Object(
  {
    user_ids: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_ASKED * (LONGEST_ID + 1),
        description: `Up to ${MAX_ASKED}, separated by commas; without limit and cursor.`,
        examples: ['user_123,user_456'],
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 100 })),
    cursor: Type.Optional(KeyCursor),
  },
  { additionalProperties: false },
)

export const PresenceAnswer = Type.Object({
  users: Type.Array(Type.Object({ user_id: Type.String(), online: Type.Boolean() }), {
    description:
      'Those who were asked for, in that order; else a page of those who are online, which may hold less than its limit.',
  }),
  online_count: Type.Optional(
    Type.Integer({
      description:
        'How many users of the tenant are online; those of an instance that died count for up to 90 s.',
    }),
  ),
  next_cursor: Type.Optional(
    Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Null on the last page.' }),
  ),
})
