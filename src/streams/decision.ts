import type { Acceptance, Decision } from '../model/acceptance.js'
import type { DigestDraft } from '../model/digest-draft.js'
import type { Failure } from '../model/failure.js'
import { FAILURES } from '../model/failure.js'
import type { Judged } from './envelope.js'

export type Judgement =
  | { readonly kind: 'record'; readonly decision: Decision }
  | { readonly kind: 'collect'; readonly digest: DigestDraft }
  | { readonly kind: 'replay'; readonly acceptance: Acceptance }
  | { readonly kind: 'refuse'; readonly failure: Failure }

/** What the verdict on an item means for the ledger. */
export function judgementOn({ envelope, notification, verdict }: Judged): Judgement {
  switch (verdict.kind) {
    case 'pass':
      // The inbox is in the ledger: the accepting transaction delivers.
      if (notification.channel === 'in_app') return record({ status: 'sent' })
      return record({ status: 'pending', dueAt: null, admitted: true, reason: null })
    case 'defer':
      return record({ status: 'pending', dueAt: verdict.until, admitted: false, reason: verdict.reason })
    case 'suppress':
      return record({ status: 'suppressed', reason: verdict.reason })
    case 'expire':
      return record({ status: 'expired', reason: 'expired' })
    case 'replay':
    case 'collect':
      return verdict
    case 'reject':
      // A row that exists ends in a recorded state; a new request is simply refused.
      if (envelope.origin === 'due' && !FAILURES[verdict.failure.code].retry) {
        return record({ status: 'failed', reason: verdict.failure.code })
      }
      return { kind: 'refuse', failure: verdict.failure }
  }
}

const record = (decision: Decision): Judgement => ({ kind: 'record', decision })
