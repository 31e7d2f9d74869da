import { Failure } from '../model/failure.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Subject } from './envelope.js'
import type { Ledger, Recalled, TenantKey } from './ports.js'
import type { Stage } from './stage.js'

/**
 * Recognises requests that were accepted before, so that repeating one costs the recipient nothing
 * of the limits. Two that arrive at once are told apart by the ledger when they are accepted.
 */
export function recall(ledger: Ledger): Stage {
  return {
    name: 'recall',
    concerns: ({ notification }) => notification.idempotency !== null,
    check: async (subjects) => (await ledger.recall(subjects.flatMap(keyOf))).map(verdict),
  }
}

const keyOf = ({ notification: { tenantId, idempotency } }: Subject): TenantKey[] =>
  idempotency === null ? [] : [{ tenantId, ...idempotency }]

function verdict(earlier: Recalled | null): Verdict {
  if (earlier === null) return PASS
  if (earlier.kind === 'mismatch') return { kind: 'reject', failure: keyMismatch() }
  return { kind: 'replay', acceptance: earlier.acceptance }
}

export const keyMismatch = (): Failure =>
  new Failure('idempotency_mismatch', 'the idempotency key belongs to an earlier request with another body')
