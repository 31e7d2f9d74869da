import { type Static, Type } from 'typebox'
import { Line } from './text.js'
import { NullableText, NullableTime } from './values.js'

/** As the sink has it. */
const MAX_URL = 2_048
const MAX_DESCRIPTION = 500

const Url = Line(MAX_URL, {
  description: 'Absolute, http or https. A tenant has one endpoint for a URL.',
  examples: ['https://hooks.example.com/orders'],
})
const Description = Type.Optional(
  Type.Unsafe<string | null>({ type: ['string', 'null'], minLength: 1, maxLength: MAX_DESCRIPTION }),
)

export const WebhookEndpointBody = Type.Object(
  {
    url: Url,
    description: Description,
    enabled: Type.Optional(
      Type.Boolean({ description: 'false: nothing is sent there. true: also when the URL was suppressed.' }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ url: 'https://hooks.example.com/orders', description: 'The warehouse' }],
  },
)

export const WebhookEndpointChangeBody = Type.Object(
  {
    url: Type.Optional(Url),
    description: Description,
    enabled: Type.Optional(
      Type.Boolean({
        description: 'true: call it again, whyever it was disabled; its failures are forgotten.',
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'What is not named stays as it is.',
    examples: [{ enabled: true }],
  },
)

export const RotationBody = Type.Object(
  {
    overlap: Type.Optional(
      Type.String({
        maxLength: 10,
        default: '24h',
        description:
          'How long the secrets before are still valid: minutes, hours or days, at most 7d; 0m ends them at once.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ overlap: '24h' }] },
)

const endpoint = {
  id: Type.String(),
  url: Type.String({ description: 'In its canonical spelling.' }),
  description: NullableText,
  enabled: Type.Boolean(),
  disabled_at: NullableTime,
  disabled_reason: Type.Unsafe<'gone' | 'failing' | 'manual' | null>({
    type: ['string', 'null'],
    enum: ['gone', 'failing', 'manual', null],
    description: 'gone: it answered 410. failing: it has failed for too long. manual: by request.',
  }),
  secrets: Type.Array(
    Type.Object({ created_at: Type.String({ format: 'date-time' }), expires_at: NullableTime }),
    {
      description: 'Those that sign, the newest first.',
    },
  ),
  last_success_at: NullableTime,
  last_failure_at: NullableTime,
  last_failure: NullableText,
  consecutive_failures: Type.Integer(),
  failing_since: NullableTime,
  created_by: Type.String(),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
}

export const WebhookEndpointAnswer = Type.Object(endpoint)
export type WebhookEndpointAnswer = Static<typeof WebhookEndpointAnswer>

export const WebhookEndpointSecretAnswer = Type.Object({
  ...endpoint,
  secret: Type.String({ description: 'Told this once: whsec_ and base64.' }),
})

export const WebhookEndpointsAnswer = Type.Object({
  webhook_endpoints: Type.Array(WebhookEndpointAnswer),
  next_cursor: NullableText,
})
