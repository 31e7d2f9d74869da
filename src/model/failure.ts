/**
 * Every way in which the service says no, in one place: the HTTP status, the
 * gRPC status and the title that documentation and clients rely on.
 * `retry` tells a caller whether the same call may succeed later.
 */
export const FAILURES = {
  validation_failed: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'The request is not valid',
  },
  malformed_body: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'The body is not valid JSON',
  },
  template_not_found: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'There is no such template',
  },
  template_invalid: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'The text is not valid Liquid',
  },
  variable_missing: { status: 400, grpc: 'INVALID_ARGUMENT', retry: false, title: 'A variable has no value' },
  invalid_address: {
    status: 400,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'The recipient has no usable address',
  },
  unauthenticated: { status: 401, grpc: 'UNAUTHENTICATED', retry: false, title: 'A valid token is required' },
  forbidden: { status: 403, grpc: 'PERMISSION_DENIED', retry: false, title: 'The token does not allow this' },
  not_found: { status: 404, grpc: 'NOT_FOUND', retry: false, title: 'There is no such thing' },
  method_not_allowed: {
    status: 405,
    grpc: 'UNIMPLEMENTED',
    retry: false,
    title: 'The method is not allowed here',
  },
  conflict: {
    status: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    title: 'The state does not allow this',
  },
  payload_too_large: {
    status: 413,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: false,
    title: 'The body is too large',
  },
  unsupported_media_type: {
    status: 415,
    grpc: 'INVALID_ARGUMENT',
    retry: false,
    title: 'The body is of another media type',
  },
  idempotency_mismatch: {
    status: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    title: 'The idempotency key was used with another request',
  },
  rate_limited: { status: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true, title: 'Too many requests' },
  queue_full: { status: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true, title: 'The queue is full' },
  internal: { status: 500, grpc: 'INTERNAL', retry: true, title: 'Something went wrong here' },
  store_unavailable: { status: 503, grpc: 'UNAVAILABLE', retry: true, title: 'The store is unavailable' },
  overloaded: { status: 503, grpc: 'UNAVAILABLE', retry: true, title: 'The service is saturated' },
  shutting_down: { status: 503, grpc: 'UNAVAILABLE', retry: true, title: 'This instance is shutting down' },
  deadline_exceeded: {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    retry: true,
    title: 'There was no answer in time',
  },
  too_many_connections: {
    status: 503,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: true,
    title: 'No room for another socket',
  },
} as const satisfies Record<string, FailureKind>

interface FailureKind {
  readonly status: number
  readonly grpc: string
  readonly retry: boolean
  readonly title: string
}

export type FailureCode = keyof typeof FAILURES

export interface FieldError {
  /** JSON pointer into the request, such as `/metadata/email`. */
  readonly field: string
  readonly message: string
}

/** A refusal that a caller sees. `message` names what was expected; it never holds personal data. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly errors: readonly FieldError[]
  /** Milliseconds after which the call may be repeated. */
  readonly retryAfterMs: number | null

  constructor(
    code: FailureCode,
    message: string,
    options: { errors?: readonly FieldError[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.errors = options.errors ?? []
    this.retryAfterMs = options.retryAfterMs ?? null
  }

  /** A refusal of one field, named by its JSON pointer. */
  static field(code: FailureCode, field: string, message: string): Failure {
    return new Failure(code, `${field} ${message}`, { errors: [{ field, message }] })
  }
}
