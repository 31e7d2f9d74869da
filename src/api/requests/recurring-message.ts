import { Failure } from '../../model/failure.js'
import { bodyReader, validationFailed } from '../http/validation.js'
import { ScheduledMessage } from '../schemas/schedules.js'
import { addressRefusal, type MessageRules, readMessage } from './message.js'
import { type Recipient, readRecipients } from './recipients.js'
import { isoTime } from './time.js'

/** What one run of a schedule submits. */
export type Submission =
  | { readonly kind: 'send'; readonly recipient: Recipient }
  | { readonly kind: 'batch'; readonly recipients: readonly Recipient[] }

const MS_PER_UNIT: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

const LONGEST_LIFE_MS = 366 * 86_400_000

const readMessageBody = bodyReader(ScheduledMessage)

/**
 * Reads the message of a schedule as it was stored: by another version, perhaps.
 * @throws Failure `validation_failed` naming fields at `/message`
 */
export const readKeptMessage = (stored: unknown): ScheduledMessage =>
  aboutMessage(() => readMessageBody(stored))

/**
 * Reads the message of a schedule by the rules of send and batch.
 * @throws Failure `validation_failed` naming fields at `/message`
 */
export function readScheduledMessage(
  message: ScheduledMessage,
  tenantId: string,
  rules: MessageRules,
): Submission {
  return aboutMessage(() => read(message, tenantId, rules))
}

function aboutMessage<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof Failure ? inMessage(error) : error
  }
}

/** The refusal of a message, as it is told about the schedule that holds it. */
export function inMessage(failure: Failure): Failure {
  const errors = failure.errors.map(({ field, message }) => ({ field: `/message${field}`, message }))
  const [first] = errors
  if (first === undefined) return failure
  return new Failure(failure.code, `${first.field} ${first.message}`, { errors, cause: failure })
}

function read(
  { user_id, expires_after, ...body }: ScheduledMessage,
  tenantId: string,
  rules: MessageRules,
): Submission {
  const lifetime = expires_after === undefined ? null : spanMs(expires_after)
  if (lifetime !== null && lifetime > LONGEST_LIFE_MS) {
    throw validationFailed([{ field: '/expires_after', message: 'must not be longer than 366d' }])
  }
  const whole = {
    ...body,
    tenant_id: tenantId,
    ...(lifetime === null ? {} : { expires_at: isoTime(rules.clock.now() + lifetime) }),
  }
  const message = readMessage(whole, null, rules)
  const given = [user_id, body.user_ids, body.recipients].filter((who) => who !== undefined)
  if (given.length !== 1) {
    const expected = 'or user_ids or recipients is required, and only one of them'
    throw validationFailed([{ field: '/user_id', message: expected }])
  }
  if (user_id === undefined) return { kind: 'batch', recipients: readRecipients(whole, message, rules) }
  const refusal = addressRefusal(message, '/metadata', rules)
  return { kind: 'send', recipient: { userId: user_id, message, refusal } }
}

const spanMs = (text: string): number => Number.parseInt(text, 10) * (MS_PER_UNIT[text.slice(-1)] ?? 0)
