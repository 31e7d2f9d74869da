import { type Static, Type } from 'typebox'
import { KeyCursor, Line } from './text.js'
import { NullableText } from './values.js'

const MAX_REASON = 500

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(KeyCursor),
  },
  { additionalProperties: false },
)

/** There may be none. */
export const BlockBody = Type.Unsafe<{ readonly reason?: string } | null>({
  type: ['object', 'null'],
  properties: { reason: Line(MAX_REASON, { examples: ['Account closed'] }) },
  additionalProperties: false,
})

export const BlockAnswer = Type.Object({
  user_id: Type.String(),
  reason: NullableText,
  created_by: Type.String(),
  created_at: Type.String({ format: 'date-time' }),
})
export type BlockAnswer = Static<typeof BlockAnswer>

export const BlocklistAnswer = Type.Object({ blocked: Type.Array(BlockAnswer), next_cursor: NullableText })

/** For what is gone. */
export const Nothing = Type.Null({ description: 'Done.' })
