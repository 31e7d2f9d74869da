import type { FieldError } from '../../model/failure.js'
import type { TemplateVariable } from '../../model/template.js'
import { builtInVariables, isForDigests } from '../../model/template-variables.js'
import { validationFailed } from '../http/validation.js'
import { MAX_VARIABLES, type TemplateTextsBody } from '../schemas/templates.js'

const LONGEST_NAME = 64
const MAX_ERRORS = 20

/** The variables of a text, and where it stands. */
export interface Use {
  readonly field: string
  readonly variables: readonly string[]
}

/**
 * The variables that a template takes: those that are declared, which must be those that its texts use;
 * without a declaration, those that its texts use.
 * @throws Failure `validation_failed` naming each variable that is wrong
 */
export function readVariables(
  body: TemplateTextsBody['variables'],
  uses: readonly Use[],
  templateId: string,
): readonly TemplateVariable[] {
  const builtIn = builtInVariables(templateId)
  const used = firstUses(uses, builtIn)
  const declared = body?.map((one): TemplateVariable => (typeof one === 'string' ? { name: one } : one))
  const errors =
    declared === undefined
      ? limitErrors(used, templateId)
      : [...declarationErrors(declared, used, builtIn, templateId), ...undeclaredErrors(declared, used)]
  if (errors.length > 0) throw validationFailed(errors.slice(0, MAX_ERRORS))
  return declared ?? [...used.keys()].map((name) => ({ name }))
}

/** The place where each variable is used first. */
function firstUses(uses: readonly Use[], builtIn: readonly string[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>()
  for (const { field, variables } of uses) {
    for (const name of variables) if (!builtIn.includes(name) && !first.has(name)) first.set(name, field)
  }
  return first
}

/** What is not declared is bound by the same limits as what is. */
function limitErrors(used: ReadonlyMap<string, string>, templateId: string): readonly FieldError[] {
  return [...used].flatMap(([name, field], n): FieldError[] => {
    if (isForDigests(templateId))
      return [{ field, message: `uses "${shown(name)}", which digests do not have` }]
    if (name.length > LONGEST_NAME)
      return [{ field, message: `uses "${shown(name)}": a name may have ${LONGEST_NAME} characters` }]
    if (n === MAX_VARIABLES) return [{ field, message: `uses more than ${MAX_VARIABLES} variables` }]
    return []
  })
}

function declarationErrors(
  declared: readonly TemplateVariable[],
  used: ReadonlyMap<string, string>,
  builtIn: readonly string[],
  templateId: string,
): readonly FieldError[] {
  const names = declared.map(({ name }) => name)
  return declared.flatMap(({ name, default: value }, n): FieldError[] => {
    const field = `/variables/${n}`
    if (builtIn.includes(name)) return [{ field, message: `must not be "${name}", which is always there` }]
    if (names.indexOf(name) < n) return [{ field, message: `declares "${shown(name)}" a second time` }]
    if (!used.has(name)) return [{ field, message: `declares "${shown(name)}", which no text uses` }]
    if (value === undefined && isForDigests(templateId))
      return [{ field, message: `must have a default: nobody gives "${shown(name)}" to a digest` }]
    return []
  })
}

function undeclaredErrors(
  declared: readonly TemplateVariable[],
  used: ReadonlyMap<string, string>,
): readonly FieldError[] {
  const names = new Set(declared.map(({ name }) => name))
  return [...used]
    .filter(([name]) => !names.has(name))
    .map(([name, field]) => ({
      field,
      message: `uses "${shown(name)}", which is not declared in /variables`,
    }))
}

const shown = (name: string): string =>
  name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`
