import { Failure } from '../model/failure.js'
import type { Complaint } from './work.js'

/** Turns what a thread says about a text into a failure of the field that the text came in. */
export function failureOf(field: string, { code, message, missing }: Complaint): Failure {
  if (missing === undefined) return Failure.field(code, field, message)
  const pointer = missing.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
  return new Failure(code, `${field} uses the variable "${missing.join('.')}", which has no value`, {
    errors: [{ field: `/variables/${pointer}`, message: 'is required by the text' }],
  })
}

export const overloaded = (why: string, retryAfterMs = 1_000): Failure =>
  new Failure('overloaded', `the text cannot be rendered now: ${why}`, { retryAfterMs })

export const closing = (): Failure =>
  new Failure('shutting_down', 'this instance is stopping', { retryAfterMs: 1_000 })

export const unavailable = (): Failure =>
  new Failure('internal', 'the text could not be rendered', { retryAfterMs: 1_000 })
