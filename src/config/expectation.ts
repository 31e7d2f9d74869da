import type { ErrorObject } from 'ajv'
import { type Format, formatNamed } from './formats.js'

/** Texts that a message may repeat; any other may be a secret. */
const SHOWN_FORMATS: readonly unknown[] = ['time-of-day', 'time-zone'] satisfies Format[]
const LONGEST_SHOWN = 40

const TYPES: Readonly<Record<string, string>> = {
  object: 'a section with keys',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
}

/** What is wrong with a value and what was expected. */
export function expectation({ keyword, params, schema, data, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is missing'
    case 'additionalProperties':
      return 'is not a known key'
    case 'type':
      return `is ${shown(data)}; expected ${TYPES[String(schema)]}`
    case 'enum':
      return `is ${shown(data)}; expected one of ${params.allowedValues.join(', ')}`
    case 'format':
      return `${SHOWN_FORMATS.includes(schema) ? `is ${shown(data)}` : 'is something else'}; expected ${formatNamed(schema)?.expected}`
    case 'duration':
    case 'size':
      return `is ${shown(data)}; expected ${expectedBy(schema)}`
    case 'list':
      return `is something else; expected ${expectedBy(schema)}`
    default:
      return typeof data === 'number' ? `is ${data}; it ${message}` : `${message}`
  }
}

function expectedBy(rule: unknown): string {
  return typeof rule === 'object' && rule !== null && 'expected' in rule
    ? String(rule.expected)
    : 'another value'
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a section'
  return JSON.stringify(String(value).slice(0, LONGEST_SHOWN))
}
