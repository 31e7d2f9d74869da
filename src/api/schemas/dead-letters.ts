import { type Static, Type } from 'typebox'
import { DEAD_LETTER_KINDS, DEAD_LETTER_STATUSES } from '../../model/dead-letter.js'
import { FAILURES } from '../../model/failure.js'
import {
  CHANNELS,
  type Channel as ChannelName,
  type Priority as PriorityName,
} from '../../model/notification.js'
import { DELIVERY_FAILURES } from '../../model/outcome.js'
import { NotificationDetail } from './notification.js'
import { Cursor, Line, Time } from './text.js'
import { Counts, NullableNumber, NullableText, oneOf } from './values.js'

const Kind = oneOf(DEAD_LETTER_KINDS)
const MOST_AT_ONCE = 1_000

const filter = {
  kind: Type.Optional(Kind),
  channel: Type.Optional(oneOf(CHANNELS, { description: 'Of notifications.' })),
  reason: Type.Optional(
    oneOf([...new Set([...DELIVERY_FAILURES, ...keysOf(FAILURES), 'unreadable'])], {
      description:
        'Notifications that failed because nobody was connected (`offline`) are shown only where that is asked for.',
    }),
  ),
  topic: Type.Optional(Line(249, { description: 'Of events.' })),
  event_type: Type.Optional(Line(255)),
  since: Type.Optional(Time('Dead since then or later; RFC 3339 with a zone.')),
  until: Type.Optional(Time('Dead before then; RFC 3339 with a zone.')),
}

export const DeadLettersQuery = Type.Object(
  {
    ...filter,
    status: Type.Optional(
      oneOf(DEAD_LETTER_STATUSES, {
        description: 'Events that were `redriven` are shown only where that is asked for.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Cursor),
  },
  { additionalProperties: false },
)
export type DeadLettersQuery = Static<typeof DeadLettersQuery>

export const RedriveBody = Type.Object(
  {
    ...filter,
    status: Type.Optional(oneOf(['failed', 'uncertain', 'dead'])),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_AT_ONCE, default: 100 })),
    cursor: Type.Optional(Cursor),
  },
  {
    additionalProperties: false,
    examples: [{ channel: 'email', reason: 'unavailable', since: '2027-01-27T15:00:00Z', limit: 500 }],
  },
)

const Nullable = <T extends string>() => Type.Unsafe<T | null>({ type: ['string', 'null'] })

const summary = {
  id: Type.String(),
  kind: Kind,
  status: oneOf(DEAD_LETTER_STATUSES),
  reason: NullableText,
  detail: NullableText,
  created_at: Type.String({ format: 'date-time' }),
  dead_since: Type.String({ format: 'date-time', description: 'By this the list is in order.' }),
  user_id: NullableText,
  channel: Nullable<ChannelName>(),
  priority: Nullable<PriorityName>(),
  notification_type: NullableText,
  attempt: NullableNumber,
  topic: NullableText,
  partition: NullableNumber,
  offset: NullableText,
  event_id: NullableText,
  event_type: NullableText,
  size: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'Of the payload, in bytes.',
  }),
}

export const DeadLetterAnswer = Type.Object(summary)
export type DeadLetterAnswer = Static<typeof DeadLetterAnswer>

export const DeadLettersAnswer = Type.Object({
  dead_letters: Type.Array(DeadLetterAnswer),
  next_cursor: NullableText,
})

const Encoding = oneOf(['json', 'text', 'base64'])

const Header = Type.Object({ name: Type.String(), value: Type.String(), encoding: oneOf(['text', 'base64']) })

const DeadEvent = Type.Object({
  key: NullableText,
  key_encoding: oneOf(['text', 'base64']),
  headers: Type.Array(Header),
  /** Anything at all, also null. */
  payload: Type.Unsafe<unknown>({ description: 'As `payload_encoding` says; null where there is none.' }),
  payload_encoding: Encoding,
  complete: Type.Boolean({
    description: 'false: the record was too large to be kept, and cannot be redriven.',
  }),
  traceparent: NullableText,
})
export type DeadEventAnswer = Static<typeof DeadEvent>

export const DeadLetterDetail = Type.Object({
  ...summary,
  event: Type.Optional(DeadEvent),
  notification: Type.Optional(NotificationDetail),
})

export const RedriveAnswer = Type.Object({
  id: Type.String(),
  kind: Kind,
  status: oneOf(['pending', 'redriven']),
  accepted: Type.Integer({
    description: 'How many notifications the event became; 0 when no route wants it any more.',
  }),
})

export const RedriveRoundAnswer = Type.Object({
  redriven: Type.Integer(),
  refused: Counts,
  remaining: Type.Integer({ description: 'How many fit among the 10 000 that come next.' }),
  until: Type.String({
    format: 'date-time',
    description: 'Give it back with the next round: what fails again meanwhile is left alone.',
  }),
  next_cursor: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Give it back with the next round; null when everything was looked at.',
  }),
})

export const DeadLetterParams = Type.Object({ id: Type.String({ maxLength: 64 }) })

function keysOf<T extends object>(object: T): readonly Extract<keyof T, string>[] {
  const own = (key: string): key is Extract<keyof T, string> => Object.hasOwn(object, key)
  return Object.keys(object).filter(own)
}
