import { fromJSON } from '@grpc/proto-loader'
import type { Failure } from '../../model/failure.js'

/** Whose codes these are, for callers who talk to several services. */
const DOMAIN = 'notification-service'
/** Clients refuse headers beyond 8 KB, and base64 adds a third. */
const MAX_BYTES = 3_000

const TEXT_BY_TEXT = { keyType: 'string', type: 'string', id: 3 }

/** The messages of google/rpc/status.proto and error_details.proto that we fill in. */
const MESSAGES = fromJSON({
  nested: {
    google: {
      nested: {
        rpc: {
          nested: {
            Status: {
              fields: {
                code: { type: 'int32', id: 1 },
                message: { type: 'string', id: 2 },
                details: { rule: 'repeated', type: 'Detail', id: 3 },
              },
            },
            // google.protobuf.Any, which is the same on the wire.
            Detail: { fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
            ErrorInfo: {
              fields: {
                reason: { type: 'string', id: 1 },
                domain: { type: 'string', id: 2 },
                metadata: TEXT_BY_TEXT,
              },
            },
            BadRequest: {
              fields: { fieldViolations: { rule: 'repeated', type: 'FieldViolation', id: 1 } },
              nested: {
                FieldViolation: {
                  fields: { field: { type: 'string', id: 1 }, description: { type: 'string', id: 2 } },
                },
              },
            },
            RetryInfo: { fields: { retryDelay: { type: 'Delay', id: 1 } } },
            // google.protobuf.Duration, which is the same on the wire.
            Delay: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
          },
        },
      },
    },
  },
})

/**
 * A `google.rpc.Status` for `grpc-status-details-bin`: why, which fields, when to try again. Fields that
 * would make it too long for a header are left out, the last ones first.
 * @param instance stands in the log beside the error, for what is our fault
 */
export function errorDetails(
  code: number,
  message: string,
  failure: Failure,
  instance: string | null,
): Buffer {
  const why = {
    reason: failure.code,
    domain: DOMAIN,
    metadata: instance === null ? {} : { request_id: instance },
  }
  for (let shown = failure.errors.length; ; shown -= 1) {
    const details = [packed('ErrorInfo', why)]
    if (shown > 0) {
      const fieldViolations = failure.errors
        .slice(0, shown)
        .map(({ field, message }) => ({ field, description: message }))
      details.push(packed('BadRequest', { fieldViolations }))
    }
    if (failure.retryAfterMs !== null)
      details.push(packed('RetryInfo', { retryDelay: delay(failure.retryAfterMs) }))
    const bytes = encode('Status', { code, message, details })
    if (bytes.length <= MAX_BYTES || shown === 0) return bytes
  }
}

const delay = (ms: number): object => ({
  seconds: Math.floor(ms / 1_000),
  nanos: Math.round(ms % 1_000) * 1_000_000,
})

const packed = (name: string, message: object): object => ({
  typeUrl: `type.googleapis.com/google.rpc.${name}`,
  value: encode(name, message),
})

function encode(name: string, message: object): Buffer {
  const type = MESSAGES[`google.rpc.${name}`]
  if (type === undefined || !('serialize' in type) || typeof type.serialize !== 'function') {
    throw new Error(`there is no message google.rpc.${name}`)
  }
  return type.serialize(message)
}
