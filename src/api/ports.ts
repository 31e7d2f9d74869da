import type { Acceptance } from '../model/acceptance.js'
import type { JsonObject } from '../model/json.js'
import type { Channel, Idempotency, NotificationRequest, Priority, Status } from '../model/notification.js'
import type { UserAddress } from '../streams/ports.js'

/** Hands requests to the stream. Rejects with a `Failure` when a request is refused. */
export interface Intake {
  submit(request: NotificationRequest, idempotency: Idempotency | null): Promise<Acceptance>
}

/** A notification as it stands in the ledger. Times are epoch milliseconds. */
export interface NotificationRecord {
  readonly id: string
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
  readonly priority: Priority
  readonly notificationType: string
  readonly title: string
  readonly content: string
  readonly metadata: JsonObject
  readonly status: Status
  /** Why it is deferred, suppressed, expired or failed. */
  readonly reason: string | null
  readonly attempt: number
  readonly jobId: string | null
  /** The notification that failed and whose place this one took. */
  readonly parentId: string | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly scheduledAt: number | null
  readonly expiresAt: number | null
  /** When it is tried next, while it is pending. */
  readonly dueAt: number | null
  readonly sentAt: number | null
  readonly readAt: number | null
  readonly archivedAt: number | null
}

export interface AttemptRecord {
  readonly attempt: number
  readonly result: 'sent' | 'failed' | 'retry' | 'released'
  readonly failureCode: string | null
  readonly message: string | null
  readonly providerId: string | null
  readonly startedAt: number
  readonly durationMs: number
}

export interface InboxQuery extends UserAddress {
  /** `in_app` is the inbox; another channel shows what was sent there. */
  readonly channel: Channel
  /** True: only unread. False: only read. Null: both. */
  readonly unread: boolean | null
  readonly archived: boolean
  /** 1 to 100. */
  readonly limit: number
  /** From the previous page. */
  readonly cursor: string | null
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Null on the last page. */
  readonly nextCursor: string | null
}

export type ReadChange = 'read' | 'unread' | 'archive'

/** Reads, and what users and senders do to a notification that exists. `null`: there is none in that tenant. */
export interface Notifications {
  find(tenantId: string, id: string): Promise<NotificationRecord | null>
  attempts(id: string): Promise<readonly AttemptRecord[]>
  list(query: InboxQuery): Promise<Page<NotificationRecord>>
  /** Applies the change once however often it is asked for; keeps the unread count and tells the user's sockets. */
  change(user: UserAddress, id: string, change: ReadChange): Promise<NotificationRecord | null>
  /** Marks all as read; resolves to how many were unread. */
  readAll(user: UserAddress): Promise<number>
  unreadCount(user: UserAddress): Promise<number>
  /** Cancels what is still pending. Rejects with `conflict` when it is too late. */
  cancel(tenantId: string, id: string): Promise<NotificationRecord | null>
  /** Moves what is still pending to another time. Rejects with `conflict` when it is too late. */
  reschedule(tenantId: string, id: string, scheduledAt: number): Promise<NotificationRecord | null>
}

export interface Job {
  readonly id: string
  readonly tenantId: string
  readonly total: number
  /** Users refused without a row, by error code. */
  readonly refused: Readonly<Record<string, number>>
  readonly createdAt: number
}

export interface JobProgress extends Job {
  /** Rows of the job, by status. */
  readonly statuses: Readonly<Partial<Record<Status, number>>>
}

export interface Jobs {
  /**
   * Opens a job. With a key that an earlier job was opened with, gives that job instead
   * (`existing`), or rejects with `idempotency_mismatch` when the fingerprint differs.
   */
  open(
    tenantId: string,
    total: number,
    idempotency: Idempotency | null,
  ): Promise<{ readonly job: Job; readonly existing: boolean }>
  /** Records the users who were refused, in place of what an earlier call recorded. */
  close(id: string, refused: Readonly<Record<string, number>>): Promise<void>
  /** Forgets a job that has no rows, and its key with it: a refused request does not use up its key. */
  discard(id: string): Promise<void>
  find(tenantId: string, id: string): Promise<JobProgress | null>
}

export interface ChannelStats {
  readonly channel: Channel
  readonly statuses: Readonly<Partial<Record<Status, number>>>
  /** From due to sent, milliseconds; null when nothing was sent. */
  readonly latencyP50Ms: number | null
  readonly latencyP99Ms: number | null
}

export interface Stats {
  /** What a tenant sent since `since`. */
  read(tenantId: string, since: number): Promise<readonly ChannelStats[]>
}

/** Frames for the sockets of a tenant. */
export interface Broadcaster {
  /** Sends to every open socket of the tenant. */
  broadcast(
    tenantId: string,
    message: {
      readonly title: string
      readonly content: string
      readonly priority: Priority
      readonly metadata: JsonObject
    },
  ): Promise<void>
}

/** A dependency, for `/ready`. Rejects, or resolves to false, when it cannot be used. */
export interface Dependency {
  readonly name: string
  /** Whether this instance is of no use without it. The service goes on without Redis. */
  readonly required: boolean
  check(signal: AbortSignal): Promise<boolean>
}

export interface Identity {
  readonly subject: string
  readonly tenantId: string
  readonly roles: readonly Role[]
  /** Epoch milliseconds after which the token is no longer valid. */
  readonly expiresAt: number
}

export const ROLES = ['sender', 'user', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Verifies bearer tokens. Rejects with `unauthenticated`, or `store_unavailable` when the issuer's keys cannot be read. */
export interface Authenticator {
  verify(token: string): Promise<Identity>
}

/** All that is kept about one recipient, for those who have a right to it (GDPR articles 15 and 17). */
export interface PersonalData {
  /** Oldest first. */
  export(user: UserAddress): AsyncIterable<NotificationRecord>
  /** `remaining`: what is being sent at this moment; ask again when it is done. */
  erase(user: UserAddress): Promise<{ readonly erased: number; readonly remaining: number }>
}
