import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Failure, type FieldError } from '../../model/failure.js'
import { PATTERN_MESSAGES } from '../schemas/text.js'
import { pointer } from './pointer.js'
import { unstorable } from './stored-text.js'

const MAX_ERRORS = 20

const strict = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true })
/** Everything in a path or a query is text, so numbers and booleans are read from it. */
const reading = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, coerceTypes: true })
for (const ajv of [strict, reading]) {
  // Times are read by `readTime`, whose message says more.
  ajv.addFormat('date-time', true)
}

/**
 * Validates bodies as they are: nothing is converted, filled in or removed, and a field
 * that is not known is an error. Errors are `validation_failed` and name the field.
 */
export const compileValidator: FastifySchemaCompiler<AnySchema> = ({ schema, httpPart }) => {
  const body = httpPart === 'body'
  const validator = onDemand(() => (body ? strict : reading).compile(schema))
  return (data: unknown) => {
    const failure = (body ? unstorableFailure(data) : null) ?? invalid(validator(), data)
    return failure === null ? { value: data } : { error: failure }
  }
}

/** Validates like the body of a request what comes in by another way. Throws `validation_failed`. */
export function bodyReader<T extends TSchema>(schema: T): (data: unknown) => Static<T> {
  const validator = onDemand(() => strict.compile<Static<T>>(schema))
  return (data) => {
    const flaw = unstorableFailure(data)
    if (flaw !== null) throw flaw
    const validate = validator()
    if (validate(data)) return data
    throw refused(validate)
  }
}

/** Compiling takes milliseconds, and most processes are never asked for most of what there is. */
function onDemand<T>(make: () => T): () => T {
  let made: T | null = null
  return () => {
    made ??= make()
    return made
  }
}

function unstorableFailure(data: unknown): Failure | null {
  const flaw = unstorable(data)
  return flaw === null ? null : validationFailed([flaw])
}

function invalid(validate: ValidateFunction, data: unknown): Failure | null {
  return validate(data) ? null : refused(validate)
}

const refused = ({ errors }: Pick<ValidateFunction, 'errors'>): Failure =>
  validationFailed((errors ?? []).slice(0, MAX_ERRORS).map(fieldError))

/** A refusal that names each field; the first one is also its message. */
export function validationFailed(errors: readonly FieldError[]): Failure {
  const [first] = errors
  const detail =
    first === undefined ? 'the request is not valid' : `${first.field || 'the body'} ${first.message}`
  return new Failure('validation_failed', detail, { errors })
}

function fieldError(error: ErrorObject): FieldError {
  const { keyword, instancePath, params } = error
  if (keyword === 'required') {
    return { field: `${instancePath}${pointer([params.missingProperty])}`, message: 'is required' }
  }
  if (keyword === 'additionalProperties') {
    return {
      field: `${instancePath}${pointer([params.additionalProperty])}`,
      message: 'is not a known field',
    }
  }
  return { field: instancePath, message: messageOf(error) }
}

function messageOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}`
    case 'type':
      return `must be ${[params.type].flat().join(' or ')}`
    case 'minLength':
    case 'minItems':
      return params.limit === 1 ? 'must not be empty' : (message ?? keyword)
    case 'pattern':
      return PATTERN_MESSAGES.get(params.pattern) ?? `must match ${params.pattern}`
    default:
      return message ?? 'is not valid'
  }
}
