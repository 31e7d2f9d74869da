import type { EventFacts } from '../../model/event-route.js'
import { compileExpression } from '../../model/expression.js'
import { Failure } from '../../model/failure.js'
import type { Json, JsonObject } from '../../model/json.js'

/** The body of a request to send, as it comes of an event; what is missing in it is found by its validation. */
export type Body = Readonly<Record<string, unknown>>

/** Gives undefined for what is to be left out. */
type Value = (facts: EventFacts) => unknown

/** Compiles the fields of a notification. The configuration has checked the expressions. */
export function compileFields(fields: ReadonlyMap<string, Json>): (facts: EventFacts) => Body {
  const values = [...fields].map(([name, field]) => [name, compileField(name, field)] as const)
  return (facts) => filled(values, facts)
}

function compileField(name: string, field: Json): Value {
  const value = compileValue(field)
  return (facts) => {
    try {
      return value(facts)
    } catch (error) {
      // Its message names functions and types, never values.
      const why = error instanceof Error ? error.message : 'it fails'
      throw Failure.field('validation_failed', `/${name}`, `cannot be had from the event: ${why}`)
    }
  }
}

function compileValue(value: Json): Value {
  if (typeof value === 'string') return compileText(value)
  if (typeof value !== 'object' || value === null) return () => value ?? undefined
  return isList(value) ? compileList(value) : compileObject(value)
}

/** `=data.name` is an expression, `==name` the text `=name`. */
function compileText(text: string): Value {
  if (!text.startsWith('=')) return () => text
  if (text.startsWith('==')) return () => text.slice(1)
  const expression = compileExpression(text.slice(1))
  return (facts) => expression(facts) ?? undefined
}

function compileList(items: readonly Json[]): Value {
  const values = items.map(compileValue)
  return (facts) => values.map((value) => value(facts) ?? null)
}

function compileObject(members: JsonObject): Value {
  const values = Object.entries(members).map(([name, member]) => [name, compileValue(member)] as const)
  return (facts) => filled(values, facts)
}

function filled(values: readonly (readonly [name: string, value: Value])[], facts: EventFacts): Body {
  const members: Record<string, unknown> = {}
  for (const [name, value] of values) {
    const found = value(facts)
    if (found !== undefined) members[name] = found
  }
  return members
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
