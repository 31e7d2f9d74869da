import { Type } from 'typebox'
import { IDEMPOTENCY_KEY } from './text.js'

/** What the routes that send something read besides the body. */
export const SendHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: IDEMPOTENCY_KEY,
      description:
        'Makes a retry safe for 24 hours: the first answer is given again, with Idempotency-Replayed: true.',
    }),
  ),
  traceparent: Type.Optional(
    Type.String({ description: 'W3C trace of the producer; anything else than one is ignored.' }),
  ),
})
