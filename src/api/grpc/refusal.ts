import { randomUUID } from 'node:crypto'
import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { FAILURES, Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Identity } from '../ports.js'
import { errorDetails } from './error-details.js'

/** In characters. It becomes a header, in which each may take nine bytes. */
const LONGEST_MESSAGE = 300

/** What is known of a call, for the log. */
export interface CallFacts {
  /** Such as `/notification.v1.NotificationService/SendNotification`. */
  readonly path: string
  readonly caller: Identity | null
}

/** Counts and logs what went wrong, and says it as a gRPC status. */
export function refused(error: unknown, facts: CallFacts, telemetry: Telemetry): StatusObject {
  const failure =
    error instanceof Failure
      ? error
      : new Failure('internal', 'the call could not be handled', { cause: error })
  const instance = failure.code === 'internal' ? `urn:uuid:${randomUUID()}` : null
  record(failure, instance, facts, telemetry)
  return statusOf(failure, instance)
}

export function statusOf(failure: Failure, instance: string | null): StatusObject {
  const code = status[FAILURES[failure.code].grpc]
  const metadata = new Metadata()
  metadata.set('notification-code', failure.code)
  // A header must be well-formed Unicode, or encoding it throws; what a caller named may have been cut anywhere.
  const details = failure.message.slice(0, LONGEST_MESSAGE).toWellFormed()
  metadata.set('grpc-status-details-bin', errorDetails(code, details, failure, instance))
  return { code, details, metadata }
}

function record(
  failure: Failure,
  instance: string | null,
  facts: CallFacts,
  { log, metrics }: Telemetry,
): void {
  metrics.grpcRefused.inc({ code: failure.code })
  const fields = {
    code: failure.code,
    method: facts.path,
    ...(facts.caller === null ? {} : { tenant_id: facts.caller.tenantId }),
  }
  if (failure.code === 'internal') {
    log.event('grpc.request_failed', { ...fields, request_id: instance, err: failure.cause ?? failure })
  } else {
    log.event('grpc.request_refused', fields)
  }
}

/** Nobody waits for an answer any more: the caller's deadline passed, or the caller hung up. */
export function recordAbandoned(
  code: 'deadline_exceeded' | 'cancelled',
  facts: CallFacts,
  { log, metrics }: Telemetry,
): void {
  metrics.grpcRefused.inc({ code })
  log.event('grpc.request_refused', {
    code,
    method: facts.path,
    ...(facts.caller === null ? {} : { tenant_id: facts.caller.tenantId }),
  })
}
