import { createHash } from 'node:crypto'
import type { Idempotency } from '../../model/notification.js'

/**
 * Ties a request to its `Idempotency-Key`. Null when there is none.
 * Call it after validation: the body is walked recursively.
 */
export function readIdempotency(
  operation: 'send' | 'batch' | 'broadcast',
  key: string | undefined,
  body: unknown,
): Idempotency | null {
  return key === undefined ? null : { key, fingerprint: fingerprint(operation, body) }
}

/** Equal for equal JSON, in whatever order the keys stand. */
export function fingerprint(operation: string, body: unknown): string {
  return createHash('sha256').update(operation).update('\n').update(canonical(body)).digest('base64url')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
  return `{${members.join(',')}}`
}
