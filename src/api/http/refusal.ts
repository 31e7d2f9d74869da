import type { FastifyError } from 'fastify'
import { Failure, type FailureCode } from '../../model/failure.js'

/** What Fastify itself refuses, in the words of the catalogue. */
const FASTIFY: Readonly<Record<string, readonly [FailureCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'the body is larger than this route takes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'send the body as application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_body', 'the body is not as long as Content-Length says'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_body', 'the body is not valid JSON'],
  FST_ERR_BAD_URL: ['validation_failed', 'the path is not a valid URL'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'a part of the path is too long'],
}

/** The refusal that an error stands for; `internal` when it is not one that a caller should read. */
export function refusalOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (isFastifyError(error)) {
    const known = FASTIFY[error.code]
    if (known !== undefined) return new Failure(known[0], known[1], { cause: error })
  }
  // What secure-json-parse throws: broken JSON, or a `__proto__` or `constructor.prototype` key.
  if (error instanceof SyntaxError && 'statusCode' in error && error.statusCode === 400) {
    return new Failure('malformed_body', 'the body is not valid JSON, or has a forbidden key', {
      cause: error,
    })
  }
  return new Failure('internal', 'the request could not be handled', { cause: error })
}

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
