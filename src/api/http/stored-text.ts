import type { FieldError } from '../../model/failure.js'
import { pointer } from './pointer.js'

const MAX_DEPTH = 32
/** Enough for 1000 recipients with dozens of variables; bounds the work that one body can cause. */
const MAX_VALUES = 100_000

interface Flaw {
  /** From the innermost key outwards. */
  readonly path: (string | number)[]
  readonly message: string
}

/**
 * Finds what PostgreSQL cannot store, and nesting that recursive code cannot walk: U+0000
 * and lone surrogates in any string or key (valid in JSON, not in `text` nor `jsonb`),
 * more than 32 levels, more than 100 000 values. Reads each value once.
 */
export function unstorable(body: unknown): FieldError | null {
  const flaw = search(body, 1, { left: MAX_VALUES })
  return flaw === null ? null : { field: pointer(flaw.path.reverse()), message: flaw.message }
}

function search(value: unknown, depth: number, budget: { left: number }): Flaw | null {
  budget.left -= 1
  if (budget.left < 0) return { path: [], message: `must not hold more than ${MAX_VALUES} values` }
  if (typeof value === 'string') return isStorable(value) ? null : { path: [], message: TEXT }
  if (typeof value !== 'object' || value === null) return null
  if (depth > MAX_DEPTH) return { path: [], message: `must not be nested deeper than ${MAX_DEPTH} levels` }
  return Array.isArray(value) ? searchArray(value, depth, budget) : searchObject(value, depth, budget)
}

function searchArray(items: readonly unknown[], depth: number, budget: { left: number }): Flaw | null {
  for (let index = 0; index < items.length; index += 1) {
    const flaw = search(items[index], depth + 1, budget)
    if (flaw !== null) return within(flaw, index)
  }
  return null
}

function searchObject(object: object, depth: number, budget: { left: number }): Flaw | null {
  for (const [key, value] of Object.entries(object)) {
    if (!isStorable(key)) return { path: [], message: `has a key that ${TEXT}` }
    const flaw = search(value, depth + 1, budget)
    if (flaw !== null) return within(flaw, key)
  }
  return null
}

function within(flaw: Flaw, key: string | number): Flaw {
  flaw.path.push(key)
  return flaw
}

const TEXT = 'must not hold the character U+0000 or half of a surrogate pair'

const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\u0000')
