import { Ajv, type ErrorObject } from 'ajv'
import { expectation } from './expectation.js'
import { addKeywords } from './keywords.js'
import type { Problem } from './problem.js'
import { type Settings, SettingsSchema } from './schema.js'
import type { Branch } from './tree.js'

/**
 * Values of environment variables are texts, so numbers and booleans are read from them. It validates once: to optimize
 * what it does that with takes longer than the rest.
 */
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: true,
  strict: true,
  verbose: true,
  code: { optimize: false },
})
addKeywords(ajv)
const validate = ajv.compile<Settings>(SettingsSchema)

/** Checks a tree that nobody else holds, for its values are read in place. */
export function validated(
  tree: Branch,
  variables: ReadonlyMap<string, readonly string[]>,
): { readonly settings: Settings | null; readonly problems: readonly Problem[] } {
  const settings: unknown = tree
  if (validate(settings)) return { settings, problems: [] }
  const problems = (validate.errors ?? []).map((error) => {
    const key = keyOf(error)
    const names = variables.get(key)
    return { key, message: (names ? `(${names.join(', ')}) ` : '') + expectation(error) }
  })
  return { settings: null, problems }
}

function keyOf({ instancePath, keyword, params }: ErrorObject): string {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (keyword === 'required') path.push(String(params.missingProperty))
  if (keyword === 'additionalProperties') path.push(String(params.additionalProperty))
  return path.join('.')
}
