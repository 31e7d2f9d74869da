import { chooseText } from '../model/choose-text.js'
import { Failure } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'
import type { Template, TemplateText } from '../model/template.js'
import type { TemplateUse } from '../model/template-use.js'
import { withDefaults } from '../model/template-variables.js'
import { type VendorText, vendorTextOf } from '../model/vendor-template.js'
import { builtInDigest } from './digest-template.js'
import type { Subject } from './envelope.js'

interface FilledIn {
  readonly use: TemplateUse
  readonly variables: JsonObject
  readonly vendorText: VendorText | null
}

/** The text of a template for a recipient, with all its variables; or why there is none. */
export function templateText(
  { notification, standing }: Subject,
  found: Template | null,
): (TemplateText & FilledIn) | Failure {
  const template = found ?? (notification.digest === null ? null : builtInDigest(notification.channel))
  if (template === null) {
    return Failure.field(
      'template_not_found',
      '/template_id',
      'names no template of this tenant that is approved',
    )
  }
  if (template.channel !== notification.channel) {
    return Failure.field(
      'template_not_found',
      '/template_id',
      `names a template for ${template.channel}, not for ${notification.channel}`,
    )
  }
  const variables = withDefaults(template.variables, notification.variables ?? {})
  if (variables instanceof Failure) return variables
  const text = chooseText(template, notification, [notification.locale, standing.recipient.locale])
  if (text === null) return new Failure('internal', `template ${template.id} has no text`)
  const { title, content, variant, locale } = text
  const vendorText = vendorTextOf(template.vendor ?? null, variables)
  return { title, content, variables, vendorText, use: { version: template.version, variant, locale } }
}
