import { type Metadata, status } from '@grpc/grpc-js'
import { readTraceparent } from '../../model/trace.js'
import type { Span, Tracing } from '../../telemetry/tracing.js'
import type { Identity } from '../ports.js'
import { type MethodName, SERVICE } from './service.js'

/** With these a notification begins, and with it what is told of it in traces. */
const TRACED: ReadonlySet<MethodName> = new Set<MethodName>(['SendNotification', 'SendBulkNotification'])
/** What OpenTelemetry's conventions for gRPC servers count as errors of the server. */
const ERRORS: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
])

export const startCall = (tracing: Tracing, name: MethodName, metadata: Metadata): Span | null =>
  tracing.on && TRACED.has(name) ? tracing.start(`${SERVICE}/${name}`, 'server', sentWith(metadata)) : null

/** What a call's notifications name as their parent. */
export const traceparentOf = (span: Span | null, metadata: Metadata): string | null =>
  span?.traceparent ?? sentWith(metadata)

export function endCall(span: Span, name: MethodName, caller: Identity | null, code: status): void {
  span.end(ERRORS.has(code) ? status[code] : null, () => ({
    'rpc.system': 'grpc',
    'rpc.service': SERVICE,
    'rpc.method': name,
    'rpc.response.status_code': status[code],
    'notification.tenant_id': caller?.tenantId ?? null,
  }))
}

const sentWith = (metadata: Metadata): string | null => readTraceparent(metadata.get('traceparent')[0])
