import { LiquidError, RenderError, TypeGuards, UndefinedVariableError } from 'liquidjs'
import { BadArgument } from './bad-argument.js'
import { TOO_LARGE, takesLonger, UNUSABLE } from './wording.js'
import type { Complaint, Part } from './work.js'

const LONGEST_EXPLANATION = 200
/** What liquidjs appends to its messages. */
const PLACE = /(, file:[^,]*)?, line:\d+, col:\d+$/

const UNFIT = 'a value does not fit the tag or filter that it is given to'

/** Says in the words of our catalogue what liquidjs has thrown over a text. Values of variables stay out of it. */
export function complaintOf(error: unknown, source: string, part: Part, timeoutMs: number): Complaint {
  // Some filters read an expression out of a value; what is wrong with that would show the value.
  if (error instanceof LiquidError && error.token.input !== source)
    return { part, code: 'template_invalid', message: UNFIT }
  if (error instanceof UndefinedVariableError)
    return { part, code: 'variable_missing', message: '', missing: pathOf(error) }
  const cause = error instanceof LiquidError ? (error.originalError ?? error) : error
  const slow = cause instanceof Error && cause.message.startsWith('template render limit')
  return {
    part,
    code: 'template_invalid',
    message: placeOf(error) + (slow ? takesLonger(timeoutMs) : explain(error, cause)),
    ...(slow ? { slow } : {}),
  }
}

const placeOf = (error: unknown): string => {
  if (!(error instanceof LiquidError)) return ''
  const [line, column] = error.token.getPosition()
  return `line ${line}, column ${column}: `
}

function explain(error: unknown, cause: unknown): string {
  if (cause instanceof BadArgument) return cause.message
  if (cause instanceof RangeError && /call stack/.test(cause.message)) return 'is nested too deeply'
  if (cause instanceof RangeError && /string length/.test(cause.message)) return TOO_LARGE
  if (cause instanceof Error && /^memory alloc limit/.test(cause.message)) return TOO_LARGE
  if (cause instanceof Error && /^parse length limit/.test(cause.message)) return 'is too long'
  // While it renders, only what liquidjs itself says is known to hold no value.
  if (!(error instanceof RenderError) || (cause instanceof Error && cause.name === 'AssertionError'))
    return (cause instanceof Error ? cause.message : UNUSABLE)
      .replace(PLACE, '')
      .slice(0, LONGEST_EXPLANATION)
  return UNFIT
}

/**
 * The path of the variable that has no value, as far as the text spells it out: what stands in brackets may be
 * somebody's address.
 */
function pathOf(error: UndefinedVariableError): readonly string[] {
  const { token } = error
  const path: string[] = []
  if (TypeGuards.isPropertyAccessToken(token)) {
    const missing = error.originalError?.message.replace(/^undefined variable: /, '')
    for (const prop of token.props) {
      if (!('content' in prop)) break
      path.push(String(prop.content))
      if (path.join('.') === missing) break
    }
  }
  return path.length === 0 ? ['unknown'] : path
}
