import type { FieldError } from '../../model/failure.js'
import type { Channel } from '../../model/notification.js'
import type { TemplateVariable } from '../../model/template.js'
import type { VendorTemplate } from '../../model/vendor-template.js'
import { validationFailed } from '../http/validation.js'
import type { TemplateTextsBody } from '../schemas/templates.js'

const MAX_ERRORS = 20

/**
 * What a version is called at the vendors of text messages; null: the content is sent as it is.
 * @throws Failure `validation_failed` when the channel has no vendors, or naming each parameter that is no variable
 */
export async function readVendor(
  body: TemplateTextsBody['vendor'],
  variables: readonly TemplateVariable[],
  channelOf: () => Promise<Channel | null>,
): Promise<VendorTemplate | null> {
  if (body === undefined || body === null) return null
  const channel = await channelOf()
  if (channel !== null && channel !== 'sms') {
    throw validationFailed([{ field: '/vendor', message: `must not be given for ${channel}, only for sms` }])
  }
  const names = new Set(variables.map(({ name }) => name))
  const errors = body.params.flatMap((name, n): FieldError[] =>
    names.has(name)
      ? []
      : [{ field: `/vendor/params/${n}`, message: 'must be the name of a variable of this template' }],
  )
  if (errors.length > 0) throw validationFailed(errors.slice(0, MAX_ERRORS))
  return body
}
