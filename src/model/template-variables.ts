import { Failure } from './failure.js'
import type { Json, JsonObject } from './json.js'
import type { Channel } from './notification.js'
import type { TemplateVariable } from './template.js'

const DIGEST_PREFIX = 'tmpl_digest_'

/** The template that a tenant makes for its digests by a channel. */
export const digestTemplateId = (channel: Channel): string => `${DIGEST_PREFIX}${channel}`

/** Of digests nobody gives variables: they have what the service knows about them. */
export const isForDigests = (templateId: string): boolean => templateId.startsWith(DIGEST_PREFIX)

const ALWAYS = ['recipient', 'unsubscribe_url']
const IN_DIGESTS = [...ALWAYS, 'items', 'count', 'frequency', 'since', 'until']

/** The variables that the service itself gives to a template. */
export const builtInVariables = (templateId: string): readonly string[] =>
  isForDigests(templateId) ? IN_DIGESTS : ALWAYS

/** The values for a template, or why there are not enough: a `variable_missing` that names them. */
export function withDefaults(declared: readonly TemplateVariable[], given: JsonObject): JsonObject | Failure {
  const missing = declared.filter(
    ({ name, default: value }) => value === undefined && !Object.hasOwn(given, name),
  )
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `"${name}"`).join(', ')
    return new Failure('variable_missing', `the template needs ${names}`, {
      errors: missing.map(({ name }) => ({
        field: `/variables/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        message: 'is required by the template',
      })),
    })
  }
  const defaults = declared.flatMap(({ name, default: value }): [string, Json][] =>
    value === undefined || Object.hasOwn(given, name) ? [] : [[name, value]],
  )
  return defaults.length === 0 ? given : { ...Object.fromEntries(defaults), ...given }
}
