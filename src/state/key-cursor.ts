import { Failure } from '../model/failure.js'

/** Names the last row of a page by its key. */
export const cursorOf = (key: readonly string[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/**
 * The key of the row after which the page begins; before all rows without a cursor.
 * @throws Failure `validation_failed` when it is nobody's cursor
 */
export function readCursor(cursor: string | null, parts: number): readonly string[] {
  if (cursor === null) return Array.from({ length: parts }, () => '')
  const key = parse(Buffer.from(cursor, 'base64url').toString())
  const good = (part: unknown): part is string =>
    typeof part === 'string' && part.isWellFormed() && !part.includes('\u0000')
  if (Array.isArray(key) && key.length === parts && key.every(good)) return key
  throw Failure.field('validation_failed', '/cursor', 'must be the next_cursor of an earlier page')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
