import type { Notification, Status } from './notification.js'

/** The answer to a sender: what was decided about an accepted notification. Times are epoch milliseconds. */
export interface Acceptance {
  readonly id: string
  readonly status: Status
  readonly createdAt: number
  /** Why it is suppressed, expired or deferred. */
  readonly reason: string | null
  readonly deferredUntil: number | null
  /** True when an earlier request with the same idempotency key was answered again. */
  readonly replayed: boolean
}

/** What `accept` records about a notification. */
export type Decision =
  /** `dueAt` null: now. `admitted`: it passed every stage and waits only for a free slot. */
  | {
      readonly status: 'pending'
      readonly dueAt: number | null
      readonly admitted: boolean
      readonly reason: string | null
    }
  | { readonly status: 'sent' }
  | { readonly status: 'suppressed' | 'expired' | 'failed'; readonly reason: string }

/** The answer that follows from a decision once it is committed. */
export function acceptanceOf({ id, createdAt }: Notification, decision: Decision): Acceptance {
  return {
    id,
    status: decision.status,
    createdAt,
    reason: 'reason' in decision ? decision.reason : null,
    deferredUntil: decision.status === 'pending' ? decision.dueAt : null,
    replayed: false,
  }
}
