import { Subject } from 'rxjs'
import type { Acceptance } from '../model/acceptance.js'
import { Failure } from '../model/failure.js'
import { notificationId } from '../model/id.js'
import type { Idempotency, Notification, NotificationRequest } from '../model/notification.js'
import type { Envelope } from '../streams/envelope.js'
import type { Clock } from '../streams/ports.js'
import type { Tracing } from '../telemetry/tracing.js'
import { endAcceptance } from './acceptance-span.js'

/**
 * Requests that wait for an answer, as an observable of envelopes: the source
 * behind HTTP. Whoever submits is told once the notification is durable.
 */
export class Intake {
  readonly #envelopes = new Subject<Envelope>()
  readonly #clock: Clock
  readonly #tracing: Tracing
  #open = true

  constructor(clock: Clock, tracing: Tracing) {
    this.#clock = clock
    this.#tracing = tracing
  }

  readonly envelopes$ = this.#envelopes.asObservable()

  /** Rejects with the `Failure` that the stream refuses the request with. */
  submit(request: NotificationRequest, idempotency: Idempotency | null): Promise<Acceptance> {
    if (!this.#open) {
      return Promise.reject(
        new Failure('shutting_down', 'this instance takes no more requests', { retryAfterMs: 1_000 }),
      )
    }
    const createdAt = this.#clock.now()
    const span = this.#tracing.start('accept', 'internal', request.traceparent)
    const traceparent = span?.traceparent ?? request.traceparent
    const notification = identified(request, createdAt, idempotency, traceparent)
    return new Promise((resolve, reject) => {
      this.#envelopes.next({
        notification,
        origin: 'new',
        settle: (settled) => {
          if (span !== null) endAcceptance(span, notification, 'new', settled)
          if (settled.kind === 'accepted') resolve(settled.acceptance)
          else reject(settled.failure)
        },
      })
    })
  }

  /** Refuses what comes from now on; what was handed in is still answered. */
  close(): void {
    this.#open = false
    this.#envelopes.complete()
  }
}

/** Written out: a copy by spread costs fifty times as much, and this is done for every request. */
function identified(
  request: NotificationRequest,
  createdAt: number,
  idempotency: Idempotency | null,
  traceparent: string | null,
): Notification {
  return {
    id: notificationId(createdAt),
    tenantId: request.tenantId,
    userId: request.userId,
    channel: request.channel,
    priority: request.priority,
    notificationType: request.notificationType,
    templateId: request.templateId,
    variables: request.variables,
    locale: request.locale,
    title: request.title,
    content: request.content,
    metadata: request.metadata,
    attachments: request.attachments,
    scheduledAt: request.scheduledAt,
    expiresAt: request.expiresAt,
    jobId: request.jobId,
    traceparent,
    createdAt,
    attempt: 0,
    earlierAttempts: 0,
    templateUse: null,
    vendorText: null,
    deferredFor: null,
    deferredUntil: null,
    digest: null,
    idempotency,
  }
}
