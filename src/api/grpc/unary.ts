import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js'
import { Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Span } from '../../telemetry/tracing.js'
import type { Identity } from '../ports.js'
import { endCall, startCall } from './call-span.js'
import { type Callers, isLate, tooLate } from './gate.js'
import type { Call } from './methods.js'
import { refused } from './refusal.js'
import type { MethodName, Received } from './service.js'

/** Makes a handler of the library's kind: runs the work and answers, unless nobody waits any more. */
export function unary(
  name: MethodName,
  work: (call: Call) => Promise<object>,
  callers: Callers,
  telemetry: Telemetry,
): handleUnaryCall<Received, object> {
  return (call, answer) => {
    const span = startCall(telemetry.tracing, name, call.metadata)
    const caller = callers.get(call.metadata) ?? null
    const ended = (code: status): void => {
      if (span !== null) endCall(span, name, caller, code)
    }
    run(work, call, caller, span).then(
      (value) => {
        ended(status.OK)
        answer(null, value)
      },
      (error: unknown) => {
        // It was counted when the caller went away.
        if (call.cancelled) return ended(status.CANCELLED)
        const refusal = refused(error, { path: call.getPath(), caller }, telemetry)
        ended(refusal.code)
        answer(refusal)
      },
    )
  }
}

async function run(
  work: (call: Call) => Promise<object>,
  call: ServerUnaryCall<Received, object>,
  caller: Identity | null,
  span: Span | null,
): Promise<object> {
  if (caller === null) throw new Failure('unauthenticated', 'a token is required')
  if ('failure' in call.request) throw call.request.failure
  return work({
    caller,
    message: call.request.message,
    metadata: call.metadata,
    span,
    proceed: () => {
      if (call.cancelled || isLate(call)) throw tooLate()
    },
    markReplayed: () => {
      const initial = new Metadata()
      initial.set('idempotency-replayed', 'true')
      call.sendMetadata(initial)
    },
  })
}
