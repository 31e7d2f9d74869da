import { FAILURES, type Failure, type FailureCode, type FieldError } from '../../model/failure.js'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** The body of every answer that is not a success (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: FailureCode
  readonly detail: string
  readonly errors?: readonly FieldError[]
  /** Stands in the log beside the error, for what is our fault. */
  readonly instance?: string
}

/** Where the documentation explains a code. */
export const problemType = (code: FailureCode): string => `/docs/errors#${code}`

export function problemOf(failure: Failure, instance: string | null): Problem {
  const { status, title } = FAILURES[failure.code]
  return {
    type: problemType(failure.code),
    title,
    status,
    code: failure.code,
    detail: failure.message,
    ...(failure.errors.length > 0 ? { errors: failure.errors } : {}),
    ...(instance === null ? {} : { instance }),
  }
}

/** For `Retry-After`: whole seconds, at least one; null when the caller was given no time. */
export const retryAfterSeconds = (failure: Failure): number | null =>
  failure.retryAfterMs === null ? null : Math.max(1, Math.ceil(failure.retryAfterMs / 1_000))
