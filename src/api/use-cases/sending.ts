import type { Acceptance } from '../../model/acceptance.js'
import type { Failure } from '../../model/failure.js'
import type { Channel, Idempotency } from '../../model/notification.js'
import type { Log } from '../../telemetry/log.js'
import type { Attachments, Intake, Jobs } from '../ports.js'
import { contentsOf } from '../requests/attachments.js'
import { type BatchResult, submitBatch } from '../requests/batch.js'
import { InFlight, type Joined } from '../requests/in-flight.js'
import { addressRefusal, type MessageRules, readMessage } from '../requests/message.js'
import { readRecipients } from '../requests/recipients.js'
import type { BatchBody } from '../schemas/batch.js'
import type { SendBody } from '../schemas/send.js'

export interface SendingPorts {
  readonly intake: Intake
  readonly jobs: Jobs
  readonly attachments: Attachments
  readonly rules: MessageRules
  /** Why nothing may be submitted for a channel now; null while there is room. */
  readonly admission: (channel: Channel, tenantId: string) => Failure | null
  readonly log: Log
}

/** What comes with a request besides its body. */
export interface Origin {
  /** W3C, already checked; null: none. */
  readonly traceparent: string | null
  readonly idempotency: Idempotency | null
}

/**
 * Sending, the same by whichever way the request came in. Bodies have passed their schema; whoever sends may
 * send for the tenant that they name. Resolves once everything is durable; rejects with a `Failure`.
 */
export interface Sending {
  send(body: SendBody, origin: Origin): Promise<Joined<Acceptance>>
  /** One notification for each recipient, with independent outcomes. */
  sendBatch(body: BatchBody, origin: Origin): Promise<Joined<BatchResult>>
}

export function createSending({ intake, jobs, attachments, rules, admission, log }: SendingPorts): Sending {
  const sends = new InFlight<Acceptance>()
  const batches = new InFlight<BatchResult>()
  return {
    async send(body, { traceparent, idempotency }) {
      const { tenant_id: tenantId, user_id: userId } = body
      const message = readMessage(body, traceparent, rules)
      const refusal = addressRefusal(message, '/metadata', rules) ?? admission(message.channel, tenantId)
      if (refusal !== null) throw refusal
      const work = async (): Promise<Acceptance> => {
        await attachments.keep(tenantId, contentsOf(message, body))
        return intake.submit({ ...message, userId, jobId: null }, idempotency)
      }
      const { value, replayed } = await joined(sends, tenantId, idempotency, work)
      return { value, replayed: replayed || value.replayed }
    },
    async sendBatch(body, { traceparent, idempotency }) {
      const { tenant_id: tenantId } = body
      const message = readMessage(body, traceparent, rules)
      const recipients = readRecipients(body, message, rules)
      const refusal = admission(message.channel, tenantId)
      if (refusal !== null) throw refusal
      const work = async (): Promise<BatchResult> => {
        await attachments.keep(tenantId, contentsOf(message, body))
        return submitBatch({ intake, jobs, log }, tenantId, recipients, idempotency)
      }
      const { value, replayed } = await joined(batches, tenantId, idempotency, work)
      return { value, replayed: replayed || value.existing }
    },
  }
}

async function joined<T>(
  inFlight: InFlight<T>,
  tenantId: string,
  idempotency: Idempotency | null,
  work: () => Promise<T>,
): Promise<Joined<T>> {
  if (idempotency === null) return { value: await work(), replayed: false }
  return inFlight.join(tenantId, idempotency, work)
}
