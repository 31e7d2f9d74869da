import type { DeadLetterFilter } from '../../model/dead-letter.js'
import type { FieldError } from '../../model/failure.js'
import { validationFailed } from '../http/validation.js'
import type { DeadLettersQuery } from '../schemas/dead-letters.js'
import { readTime } from './time.js'

type Asked = Omit<DeadLettersQuery, 'limit' | 'cursor'>

/** Throws `validation_failed`. */
export function readDeadLetterFilter(asked: Asked): DeadLetterFilter {
  const errors: FieldError[] = []
  const time = (field: 'since' | 'until'): number | null => {
    const text = asked[field]
    const read = text === undefined ? null : readTime(text)
    if (text !== undefined && read === null)
      errors.push({ field: `/${field}`, message: 'must be an RFC 3339 time with a zone' })
    return read
  }
  const [since, until] = [time('since'), time('until')]
  if (errors.length > 0) throw validationFailed(errors)
  const { kind = null, channel = null, reason = null, status = null, topic = null } = asked
  return { kind, channel, reason, status, topic, eventType: asked.event_type ?? null, since, until }
}
