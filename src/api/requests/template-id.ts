import { CHANNELS } from '../../model/notification.js'
import { digestTemplateId, isForDigests } from '../../model/template-variables.js'
import { validationFailed } from '../http/validation.js'
import type { CreateTemplateBody } from '../schemas/templates.js'

/** Stands in the paths of templates itself. */
const RESERVED = 'preview'

/**
 * The id that a template is to have; null when one is to be made.
 * @throws Failure `validation_failed` when a template with this id could not be reached, or not be sent
 */
export function readTemplateId({ id, channel }: CreateTemplateBody): string | null {
  if (id === undefined) return null
  if (id === RESERVED) throw validationFailed([{ field: '/id', message: `must not be "${RESERVED}"` }])
  if (!isForDigests(id) || id === digestTemplateId(channel)) return id
  const own = CHANNELS.find((other) => id === digestTemplateId(other))
  throw validationFailed([
    own === undefined
      ? { field: '/id', message: `must be "${digestTemplateId(channel)}", or not begin like one for digests` }
      : { field: '/channel', message: `must be ${own} for a template with this id` },
  ])
}
