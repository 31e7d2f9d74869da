import { type Static, Type } from 'typebox'
import { CHANNELS } from '../../model/notification.js'
import { FREQUENCIES, GROUPS } from '../../model/recipient.js'
import { TypeName, UserId } from './text.js'
import { Channel, NullableText, oneOf } from './values.js'

const MAX_RULES = 200

const Group = oneOf(GROUPS)
const Frequency = oneOf(FREQUENCIES, {
  default: 'immediate',
  description: 'All but immediate collect into one digest.',
})

const Rule = Type.Object(
  {
    notification_type: Type.Optional(TypeName),
    group: Type.Optional(
      oneOf(GROUPS, { description: 'Instead of a type. Neither is everything that can be turned off.' }),
    ),
    channel: Type.Optional(oneOf(CHANNELS, { description: 'By default every channel.' })),
    enabled: Type.Boolean(),
    frequency: Type.Optional(Frequency),
  },
  { additionalProperties: false },
)
export type Rule = Static<typeof Rule>

export const SubscriptionsBody = Type.Object(
  {
    user_id: UserId,
    subscriptions: Type.Array(Rule, { minItems: 1, maxItems: MAX_RULES }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        user_id: 'user_123',
        subscriptions: [
          { notification_type: 'billing.invoice', channel: 'email', enabled: true, frequency: 'daily' },
          { group: 'marketing', enabled: false },
        ],
      },
    ],
  },
)

export const SubscriptionsQuery = Type.Object({ user_id: UserId }, { additionalProperties: false })

export const RemovedQuery = Type.Object(
  {
    user_id: UserId,
    notification_type: Type.Optional(TypeName),
    group: Type.Optional(Group),
    channel: Type.Optional(Channel),
  },
  { additionalProperties: false },
)

const RuleAnswer = Type.Object({
  notification_type: NullableText,
  group: NullableText,
  channel: NullableText,
  enabled: Type.Boolean(),
  frequency: oneOf(FREQUENCIES),
  updated_at: Type.String({ format: 'date-time' }),
})
export type RuleAnswer = Static<typeof RuleAnswer>

export const SubscriptionsAnswer = Type.Object({
  user_id: Type.String(),
  subscriptions: Type.Array(RuleAnswer, { description: 'The most specific last.' }),
})

export const RemovedAnswer = Type.Object({
  user_id: Type.String(),
  removed: Type.Integer({ description: 'How many there were.' }),
})

export const UnsubscribeBody = Type.Object(
  { group: Group },
  { additionalProperties: false, examples: [{ group: 'marketing' }] },
)

export const UnsubscribeAnswer = Type.Object({ user_id: Type.String(), group: Group })
