import { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Ledger, Recalled, TenantKey } from './ports.js'
import type { Stage } from './stage.js'

/**
 * Recognises requests that were accepted before, so that repeating one costs the recipient nothing
 * of the limits. Two that arrive at once are told apart by the ledger when they are accepted.
 */
export function recall(ledger: Ledger): Stage {
  return {
    name: 'recall',
    concerns: ({ idempotency }) => idempotency !== null,
    check: async (notifications) => (await ledger.recall(notifications.flatMap(keyOf))).map(verdict),
  }
}

const keyOf = ({ tenantId, idempotency }: Notification): TenantKey[] =>
  idempotency === null ? [] : [{ tenantId, ...idempotency }]

function verdict(earlier: Recalled | null): Verdict {
  if (earlier === null) return PASS
  if (earlier.kind === 'mismatch') return { kind: 'reject', failure: keyMismatch() }
  return { kind: 'replay', acceptance: earlier.acceptance }
}

export const keyMismatch = (): Failure =>
  new Failure('idempotency_mismatch', 'the idempotency key belongs to an earlier request with another body')
