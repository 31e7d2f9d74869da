import { type Static, Type } from 'typebox'
import { MISSED_POLICIES, RUN_STATUSES } from '../../model/schedule.js'
import { BatchBody } from './batch.js'
import { Line, Span, TenantId, Time, UserId } from './text.js'
import { AnyObject, NullableText, NullableTime, oneOf } from './values.js'

const {
  tenant_id: _tenant,
  scheduled_at: _scheduled,
  expires_at: _expires,
  // Their contents would have to be kept as long as the schedule.
  attachments: _attachments,
  ...repeated
} = BatchBody.properties

/** What is sent at every run: to one user as by send, or to several as by batch. */
export const ScheduledMessage = Type.Object(
  {
    ...repeated,
    user_id: Type.Optional(UserId),
    expires_after: Type.Optional(Span('Not sent later than this after its run.')),
  },
  {
    additionalProperties: false,
    description: 'The body of a send (`user_id`) or of a batch (`user_ids` or `recipients`).',
  },
)
export type ScheduledMessage = Static<typeof ScheduledMessage>

export const ScheduleBody = Type.Object(
  {
    tenant_id: TenantId,
    name: Line(100),
    cron: Type.Optional(
      Type.String({
        maxLength: 100,
        description: 'Minute, hour, day of the month, month, day of the week. Either this or every.',
        examples: ['0 9 * * 1-5'],
      }),
    ),
    every: Type.Optional(
      Type.String({
        maxLength: 20,
        description: 'Minutes, hours, days or weeks from starts_at, such as 15m, 2h, 1d or 1w.',
      }),
    ),
    timezone: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'IANA; as configured when it is not given.',
        examples: ['Asia/Shanghai'],
      }),
    ),
    starts_at: Type.Optional(Time('No run is before this; now when it is not given.')),
    ends_at: Type.Optional(Time('No run is after this.')),
    missed: Type.Optional(
      oneOf(MISSED_POLICIES, {
        default: 'run_once',
        description:
          'What becomes of runs that were missed while the service was down: one for all, or none.',
      }),
    ),
    message: ScheduledMessage,
  },
  {
    additionalProperties: false,
    examples: [
      {
        tenant_id: 'tenant_abc',
        name: 'Weekly report',
        cron: '0 9 * * 1',
        timezone: 'Asia/Shanghai',
        message: {
          user_ids: ['user_123', 'user_456'],
          channel: 'in_app',
          title: 'Your week',
          content: 'Here is what happened.',
        },
      },
    ],
  },
)
export type ScheduleBody = Static<typeof ScheduleBody>

const summary = {
  id: Type.String(),
  tenant_id: Type.String(),
  name: Type.String(),
  cron: NullableText,
  every: NullableText,
  timezone: Type.String(),
  starts_at: Type.String({ format: 'date-time' }),
  ends_at: NullableTime,
  missed: oneOf(MISSED_POLICIES),
  state: oneOf(['active', 'paused', 'ended']),
  next_run_at: NullableTime,
  created_by: Type.String(),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
}

const ScheduleSummary = Type.Object(summary)
export type ScheduleSummary = Static<typeof ScheduleSummary>

export const ScheduleAnswer = Type.Object({
  ...summary,
  next_runs: Type.Array(Type.String({ format: 'date-time' }), { description: 'The next five.' }),
  message: AnyObject(),
})
export type ScheduleAnswer = Static<typeof ScheduleAnswer>

export const SchedulesAnswer = Type.Object({
  schedules: Type.Array(ScheduleSummary),
  next_cursor: NullableText,
})

const NullableInteger = Type.Unsafe<number | null>({ type: ['integer', 'null'] })

export const RunAnswer = Type.Object({
  planned_at: Type.String({ format: 'date-time' }),
  status: oneOf(RUN_STATUSES),
  attempts: Type.Integer({
    description: 'How often it was fired; more than once when it was refused for a while.',
  }),
  fired_at: NullableTime,
  notification_id: NullableText,
  job_id: NullableText,
  accepted: NullableInteger,
  refused: NullableInteger,
  error: NullableText,
})
export type RunAnswer = Static<typeof RunAnswer>

export const RunsAnswer = Type.Object({ runs: Type.Array(RunAnswer), next_cursor: NullableText })
