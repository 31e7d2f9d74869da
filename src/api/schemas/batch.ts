import { type Static, Type } from 'typebox'
import { messageFields } from './send.js'
import { UserId } from './text.js'
import { AnyObject, Counts, oneOf } from './values.js'

export const MAX_USERS = 1_000

const Recipient = Type.Object(
  {
    user_id: UserId,
    variables: Type.Optional(AnyObject({ description: 'Goes over the variables of the request.' })),
    metadata: Type.Optional(AnyObject({ description: 'Goes over the metadata of the request.' })),
  },
  { additionalProperties: false },
)

export const BatchBody = Type.Object(
  {
    ...messageFields,
    user_ids: Type.Optional(
      Type.Array(UserId, {
        minItems: 1,
        maxItems: MAX_USERS,
        description: 'Either this or recipients. A user who is named twice gets one notification.',
      }),
    ),
    recipients: Type.Optional(
      Type.Array(Recipient, {
        minItems: 1,
        maxItems: MAX_USERS,
        description: 'Either this or user_ids. Each user at most once.',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        tenant_id: 'tenant_abc',
        user_ids: ['user_123', 'user_456', 'user_789'],
        channel: 'in_app',
        priority: 'medium',
        template_id: 'tmpl_weekly_report',
        variables: { week: '第4周', total_messages: 1000 },
      },
    ],
  },
)
export type BatchBody = Static<typeof BatchBody>

const JobState = oneOf(['processing', 'completed'])

export const BatchAnswer = Type.Object({
  job_id: Type.String(),
  total_users: Type.Integer(),
  status: JobState,
  created_at: Type.String({ format: 'date-time' }),
  accepted: Type.Integer({ description: 'Users whose notification is recorded.' }),
  refused: Type.Array(Type.Object({ user_id: Type.String(), code: Type.String(), detail: Type.String() }), {
    description: 'Users who were refused: the first 100.',
  }),
})
export type BatchAnswer = Static<typeof BatchAnswer>

export const JobAnswer = Type.Object({
  job_id: Type.String(),
  total_users: Type.Integer(),
  status: JobState,
  progress: Type.Number({ minimum: 0, maximum: 1, description: 'Final or refused, of all.' }),
  statuses: Counts,
  refused: Counts,
  created_at: Type.String({ format: 'date-time' }),
})
export type JobAnswer = Static<typeof JobAnswer>
