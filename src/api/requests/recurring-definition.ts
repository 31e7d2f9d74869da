import { nextRunBefore } from '../../model/due-run.js'
import { Failure, type FieldError } from '../../model/failure.js'
import { parseRecurrence } from '../../model/recurrence.js'
import type { Timing } from '../../model/schedule.js'
import { validationFailed } from '../http/validation.js'
import type { ScheduleDefinition } from '../ports.js'
import type { ScheduleBody } from '../schemas/schedules.js'
import type { MessageRules } from './message.js'
import { inMessage, readScheduledMessage } from './recurring-message.js'
import { readTime } from './time.js'

const HORIZON_MS = 10 * 366 * 86_400_000
const MAX_ERRORS = 20

export interface FirstRun {
  readonly definition: ScheduleDefinition
  readonly nextRunAt: number
}

/**
 * Reads a schedule, so that what can be known to be wrong is told now and not at night, when it runs.
 * @param timezone where none is named
 * @throws Failure that names every field that is wrong
 */
export function readDefinition(body: ScheduleBody, timezone: string, rules: MessageRules): FirstRun {
  const now = rules.clock.now()
  const errors: FieldError[] = []
  const timing: Timing = {
    cron: body.cron?.trim() ?? null,
    every: body.every ?? null,
    timezone: body.timezone ?? timezone,
    startsAt: readMoment('/starts_at', body.starts_at, now, errors) ?? now,
    endsAt: readMoment('/ends_at', body.ends_at, now, errors),
    missed: body.missed ?? 'run_once',
  }
  const nextRunAt = errors.length === 0 ? firstRun(timing, now, errors) : null
  if (nextRunAt === null) throw validationFailed(errors)
  requireMessage(body, rules)
  return { definition: { ...timing, name: body.name, message: body.message }, nextRunAt }
}

function firstRun(timing: Timing, now: number, errors: FieldError[]): number | null {
  const recurrence = parseRecurrence(timing)
  if (typeof recurrence === 'string') {
    const [field = '', ...message] = recurrence.split(' ')
    errors.push({ field: `/${field}`, message: message.join(' ') })
    return null
  }
  const { startsAt, endsAt } = timing
  if (endsAt !== null && endsAt <= Math.max(startsAt, now)) {
    const message = endsAt <= now ? 'must be in the future' : 'must be later than starts_at'
    errors.push({ field: '/ends_at', message })
    return null
  }
  const run = nextRunBefore(recurrence, now, endsAt)
  if (run === null) errors.push({ field: '/ends_at', message: 'must be later than the first run' })
  return run
}

/** By itself a batch goes on without those who cannot be served; whoever plans one can still put it right. */
function requireMessage({ tenant_id, message }: ScheduleBody, rules: MessageRules): void {
  const submission = readScheduledMessage(message, tenant_id, rules)
  const recipients = submission.kind === 'send' ? [submission.recipient] : submission.recipients
  // Those who share an address share its refusal.
  const distinct = new Set(recipients.flatMap(({ refusal }) => (refusal === null ? [] : [refusal])))
  const refusals = [...distinct].slice(0, MAX_ERRORS).map(inMessage)
  const [first] = refusals
  if (first === undefined) return
  throw new Failure(first.code, first.message, { errors: refusals.flatMap(({ errors }) => errors) })
}

/** The future begins when the schedule does; a start that has passed says how an interval is counted. */
function readMoment(
  field: string,
  text: string | undefined,
  now: number,
  errors: FieldError[],
): number | null {
  if (text === undefined) return null
  const time = readTime(text)
  if (time === null) {
    errors.push({ field, message: 'must be an RFC 3339 time with a zone, such as 2027-01-27T15:00:00Z' })
  } else if (Math.abs(time - now) > HORIZON_MS) {
    errors.push({ field, message: 'must be within ten years' })
  }
  return time
}
