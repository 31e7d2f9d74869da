import { FAILURES, type FailureCode } from '../../model/failure.js'

/** What a caller should do about each code. */
const ADVICE: Readonly<Record<FailureCode, string>> = {
  validation_failed: '`errors` names each field and what was expected there. Correct the request.',
  malformed_body:
    'The body is not JSON, not UTF-8, or has a `__proto__` or `constructor.prototype` key. Correct it.',
  template_not_found: 'The tenant has no approved template with this id.',
  template_invalid: 'The message says where the Liquid syntax is wrong.',
  variable_missing: 'The message names the variable. Give it a value in `variables`.',
  invalid_address:
    'The channel needs an address in `metadata`, such as `email` or `webhook_url`; `errors` names it.',
  unauthenticated:
    'Send `Authorization: Bearer <token>` with a token that is signed, complete and not expired.',
  forbidden: 'The token is for another tenant or user, or lacks the role that `detail` names.',
  not_found: 'It does not exist, or the token does not let you see it.',
  method_not_allowed: 'The `Allow` header lists the methods of the path.',
  conflict:
    '`detail` says what stands in the way: most often it is too late, because the notification is being sent or is final.',
  payload_too_large: 'A body may have 1 MB, that of a batch 8 MB.',
  unsupported_media_type: 'Send `Content-Type: application/json`, or what `detail` asks for.',
  idempotency_mismatch: 'The `Idempotency-Key` was used with another body. Use a new key for a new request.',
  rate_limited: 'Wait for the seconds in `Retry-After`. `RateLimit-*` headers show what is left.',
  queue_full: 'Too much is waiting to be delivered. Wait for the seconds in `Retry-After`.',
  internal: 'A fault of the service. `instance` stands in its log beside the cause.',
  store_unavailable:
    'The request may or may not have been recorded: repeat it with its `Idempotency-Key` after `Retry-After`.',
  overloaded: 'Too many requests are waiting to be accepted. Wait for the seconds in `Retry-After`.',
  shutting_down: 'Repeat the request: another instance takes it.',
  deadline_exceeded:
    'The request may or may not have been recorded: repeat it with its `Idempotency-Key`. Over HTTP nothing is answered with this.',
  too_many_connections:
    'This instance has no room for another WebSocket or event stream. Try again later, or another instance.',
}

export interface CatalogueEntry {
  readonly code: string
  readonly status: number
  readonly grpc: string
  readonly retry: boolean
  readonly title: string
  readonly advice: string
}

/** Every error code with what there is to know about it, in the order of the catalogue. */
export const ERROR_CATALOGUE: readonly CatalogueEntry[] = Object.entries(ADVICE).map(([code, advice]) => {
  const { status, grpc, retry, title } = kindOf(code)
  return { code, status, grpc, retry, title, advice }
})

function kindOf(code: string) {
  const found = Object.entries(FAILURES).find(([name]) => name === code)
  if (found === undefined) throw new Error(`${code} is not in the catalogue`)
  return found[1]
}
