import type { NotificationDefinition } from '../model/event-route.js'
import { compileExpression } from '../model/expression.js'
import type { Json } from '../model/json.js'
import { CHANNELS, PRIORITIES } from '../model/notification.js'
import type { Problem } from './problem.js'

type Kind = 'text' | 'section' | 'users'

/** What a notification of a route may say: the fields of a request to send, without attachments. */
const FIELDS = new Map<string, Kind>([
  ['tenant_id', 'text'],
  ['user_id', 'users'],
  ['channel', 'text'],
  ['priority', 'text'],
  ['notification_type', 'text'],
  ['template_id', 'text'],
  ['variables', 'section'],
  ['locale', 'text'],
  ['title', 'text'],
  ['content', 'text'],
  ['metadata', 'section'],
  ['scheduled_at', 'text'],
  ['expires_at', 'text'],
])
const REQUIRED = ['tenant_id', 'user_id', 'channel']
const WORDS = new Map<string, readonly string[]>([
  ['channel', CHANNELS],
  ['priority', PRIORITIES],
])

/** What is wrong with the fields of a notification, as far as no event is needed to see it. */
export function fieldProblems({ fields }: NotificationDefinition, at: string): readonly Problem[] {
  const isMissing = (name: string): boolean => (fields.get(name) ?? null) === null
  const problems: Problem[] = REQUIRED.filter(isMissing).map((name) => ({
    key: `${at}.${name}`,
    message: 'is missing',
  }))
  if (isMissing('template_id') && (isMissing('title') || isMissing('content'))) {
    problems.push({ key: at, message: 'needs template_id, or title and content' })
  }
  for (const [name, value] of fields) problems.push(...problemsOf(name, value, `${at}.${name}`))
  return problems
}

function problemsOf(name: string, value: Json, key: string): readonly Problem[] {
  const kind = FIELDS.get(name)
  if (kind === undefined) return [{ key, message: 'is not a known key' }]
  if (value === null) return []
  const expected = expectedOf(name, kind, value)
  return expected === null ? expressionsIn(value, key) : [{ key, message: `must be ${expected}` }]
}

/** What a constant should be; null when it is that, or an expression. */
function expectedOf(name: string, kind: Kind, value: Json): string | null {
  const isText = typeof value === 'string'
  if (isText && value.startsWith('=')) return null
  const words = WORDS.get(name)
  if (words !== undefined && !(isText && words.includes(value))) {
    return `one of ${words.join(', ')}, or an expression that begins with =`
  }
  const fits =
    kind === 'section'
      ? typeof value === 'object' && !Array.isArray(value)
      : isText || (kind === 'users' && Array.isArray(value))
  if (fits) return null
  if (kind === 'section') return 'a section with keys, or an expression that begins with ='
  return kind === 'text' ? 'a text' : 'a text, or a list of texts'
}

/** Finds texts that begin with one `=` and are no expressions. */
function expressionsIn(value: Json, key: string): readonly Problem[] {
  if (typeof value === 'string') {
    return value.startsWith('=') && !value.startsWith('==') ? expressionProblems(value.slice(1), key) : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => expressionsIn(inner, `${key}.${name}`))
}

export function expressionProblems(text: string, key: string): readonly Problem[] {
  try {
    compileExpression(text)
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [{ key, message: `is no JMESPath expression: ${why}` }]
  }
}
