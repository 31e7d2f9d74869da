import { chooseText } from '../model/choose-text.js'
import { Failure } from '../model/failure.js'
import type { Json, JsonObject } from '../model/json.js'
import type { Template, TemplateText, TemplateVariable } from '../model/template.js'
import type { TemplateUse } from '../model/template-use.js'
import { builtInDigest } from './digest-template.js'
import type { Subject } from './envelope.js'

/** The text of a template for a recipient, with all its variables; or why there is none. */
export function templateText(
  { notification, standing }: Subject,
  found: Template | null,
): (TemplateText & { readonly use: TemplateUse; readonly variables: JsonObject }) | Failure {
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
  return { title, content, variables, use: { version: template.version, variant, locale } }
}

function withDefaults(declared: readonly TemplateVariable[], given: JsonObject): JsonObject | Failure {
  const missing = declared.filter(
    ({ name, default: value }) => value === undefined && !Object.hasOwn(given, name),
  )
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `"${name}"`).join(', ')
    return new Failure('variable_missing', `the template needs ${names}`, {
      errors: missing.map(({ name }) => ({
        field: `/variables/${name}`,
        message: 'is required by the template',
      })),
    })
  }
  const defaults = declared.flatMap(({ name, default: value }): [string, Json][] =>
    value === undefined || Object.hasOwn(given, name) ? [] : [[name, value]],
  )
  return defaults.length === 0 ? given : { ...Object.fromEntries(defaults), ...given }
}
