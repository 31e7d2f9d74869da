import type { FailureCode } from '../../model/failure.js'

/** What every authenticated route may refuse with. */
export const COMMON_FAILURES = [
  'validation_failed',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'internal',
  'store_unavailable',
] as const satisfies readonly FailureCode[]

/** What every route with a body may refuse with. */
export const BODY_FAILURES = [
  'malformed_body',
  'payload_too_large',
  'unsupported_media_type',
] as const satisfies readonly FailureCode[]

/** What the routes that look at Liquid may refuse with. */
export const TEXT_FAILURES = [
  'template_invalid',
  'overloaded',
  'shutting_down',
] as const satisfies readonly FailureCode[]

/** What the routes that hand something to the stream may refuse with. */
export const SUBMIT_FAILURES = [
  'template_not_found',
  'template_invalid',
  'variable_missing',
  'invalid_address',
  'idempotency_mismatch',
  'queue_full',
  'overloaded',
  'shutting_down',
] as const satisfies readonly FailureCode[]
