import { Failure } from '../../model/failure.js'
import { MAX_ASKED } from '../schemas/presence.js'

const USER_ID = /^[^\p{Cc}]{1,64}$/u

/** Reads ids that are separated by commas. Throws `validation_failed` when there are too many, or what is no id. */
export function readUserIds(text: string): readonly string[] {
  const ids = [...new Set(text.split(','))]
  if (ids.length > MAX_ASKED) throw malformed(`must not name more than ${MAX_ASKED} users`)
  if (!ids.every((id) => USER_ID.test(id) && id.isWellFormed())) {
    throw malformed('must be ids of 1 to 64 characters, separated by commas')
  }
  return ids
}

const malformed = (message: string): Failure => Failure.field('validation_failed', '/user_ids', message)
