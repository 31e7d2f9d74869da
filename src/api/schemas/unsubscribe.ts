import { Type } from 'typebox'
import { LINKED_GROUPS } from '../../model/unsubscribe-links.js'
import { LONGEST_TOKEN } from '../../model/unsubscribe-token.js'
import { Channel, oneOf } from './values.js'

/** More may stand in the address: mail programs and their filters add things. */
export const UnsubscribeQuery = Type.Object({
  token: Type.String({ minLength: 1, maxLength: LONGEST_TOKEN, description: 'From the link.' }),
})

/** Unknown fields are no reason to go on sending what somebody does not want. */
export const UnsubscribeForm = Type.Object(
  {
    'List-Unsubscribe': Type.Optional(
      oneOf(['One-Click'], { description: 'As mail programs send it (RFC 8058); turns off the type.' }),
    ),
    scope: Type.Optional(
      oneOf(['type', 'group'], {
        description:
          'What is turned off: the type by this channel, or the group that it is in by all of them.',
      }),
    ),
  },
  { additionalProperties: true },
)

export const UnsubscribeAnswer = Type.Object({
  status: oneOf(['unsubscribed', 'already'], {
    description: 'already: the link was used before, and nothing was changed.',
  }),
  scope: oneOf(['type', 'group']),
  notification_type: Type.String(),
  channel: Channel,
  group: oneOf(LINKED_GROUPS),
})
