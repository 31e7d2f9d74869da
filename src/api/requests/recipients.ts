import type { Failure, FieldError } from '../../model/failure.js'
import { validationFailed } from '../http/validation.js'
import type { BatchBody } from '../schemas/batch.js'
import { addressRefusal, type Message, type MessageRules, metadataError, spelled } from './message.js'

/** One user of a batch and what goes to them. */
export interface Recipient {
  readonly userId: string
  readonly message: Message
  /** Why this one cannot be served; the others can. */
  readonly refusal: Failure | null
}

/**
 * Who a batch is for. Names in `user_ids` that repeat are taken once, because nothing
 * distinguishes them; in `recipients` a repeat would lose its own variables, so it is refused.
 * @throws Failure `validation_failed`
 */
export function readRecipients(body: BatchBody, message: Message, rules: MessageRules): readonly Recipient[] {
  if ((body.user_ids === undefined) === (body.recipients === undefined)) {
    throw validationFailed([
      { field: '/user_ids', message: 'or /recipients is required, and not both of them' },
    ])
  }
  // Every one of them is kept with a copy.
  const tooLarge = metadataError(message.metadata, '/metadata')
  if (tooLarge !== null) throw validationFailed([tooLarge])
  if (body.user_ids !== undefined) {
    const refusal = addressRefusal(message, '/metadata', rules)
    return [...new Set(body.user_ids)].map((userId) => ({ userId, message, refusal }))
  }
  return ownMessages(body.recipients ?? [], message, rules)
}

function ownMessages(
  entries: NonNullable<BatchBody['recipients']>,
  message: Message,
  rules: MessageRules,
): readonly Recipient[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  const recipients = entries.map((entry, index): Recipient => {
    const at = `/recipients/${index}`
    if (seen.has(entry.user_id)) {
      errors.push({ field: `${at}/user_id`, message: 'must not be named twice' })
    }
    seen.add(entry.user_id)
    const own: Message = {
      ...message,
      variables: entry.variables ? { ...message.variables, ...entry.variables } : message.variables,
      metadata: entry.metadata
        ? spelled({ ...message.metadata, ...entry.metadata }, rules)
        : message.metadata,
    }
    const tooLarge = entry.metadata ? metadataError(own.metadata, `${at}/metadata`, own.channel) : null
    if (tooLarge !== null) errors.push(tooLarge)
    return { userId: entry.user_id, message: own, refusal: addressRefusal(own, `${at}/metadata`, rules) }
  })
  if (errors.length > 0) throw validationFailed(errors.slice(0, 20))
  return recipients
}
