import type { Acceptance, Decision } from '../model/acceptance.js'
import type { DigestDraft, DigestItem, Held } from '../model/digest-draft.js'
import type { Failure } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'
import type { Channel, Idempotency, Notification, Priority, QueuedChannel } from '../model/notification.js'
import type { DeliveryFailureCode, Receipt } from '../model/outcome.js'
import type { Standing } from '../model/recipient.js'
import type { Template } from '../model/template.js'
import type { Rendered } from '../model/verdict.js'

/** The time by the ledger's clock, in epoch milliseconds: every instance and the fence agree on it. */
export interface Clock {
  now(): number
}

/** A notification and what is to be recorded about it. */
export interface Entry {
  readonly notification: Notification
  readonly decision: Decision
  /** The stages have changed what the row says: its address, or the texts of a digest. */
  readonly amended: boolean
  /** What is to be tried instead of a notification that ends here: a new one by another channel. */
  readonly fallback: Fallback | null
}

export interface Fallback {
  readonly id: string
  readonly channel: Channel
}

/** `mismatch`: the key was used with another request, and nothing was written. */
export type Recalled =
  | { readonly kind: 'accepted'; readonly acceptance: Acceptance }
  | { readonly kind: 'mismatch' }

export type InsertResult =
  | Recalled
  /** Nothing was written for this entry; what became of others in the batch stands. */
  | { readonly kind: 'refused'; readonly failure: Failure }

export interface TenantKey extends Idempotency {
  readonly tenantId: string
}

/** Whose digest, by which channel. */
export interface DigestKey {
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
}

export interface Collection {
  readonly count: number
  /** The newest of them, oldest first. */
  readonly items: readonly DigestItem[]
}

export interface Waiting {
  readonly notification: Notification
  readonly dueAt: number
  /** By the ledger's clock its time has not come. */
  readonly early: boolean
}

/** A notification whose lease this process holds until `leaseMs` after the claim. */
export interface Claimed {
  readonly notification: Notification
  readonly leaseToken: string
}

export interface Claim {
  readonly claimed: readonly Claimed[]
  readonly expired: readonly Notification[]
}

/** The result of one attempt, written only while the lease token is still ours. */
export interface AttemptResult {
  readonly id: string
  readonly leaseToken: string
  readonly attempt: number
  readonly channel: QueuedChannel
  readonly status: 'sent' | 'failed' | 'uncertain' | 'retry' | 'released'
  /** For `retry` only. */
  readonly retryAfterMs: number
  readonly failure: {
    readonly code: DeliveryFailureCode
    readonly message: string
    readonly provider: string | null
  } | null
  readonly receipt: Receipt | null
  /** What is to be tried instead of a notification that failed: a new one by another channel. */
  readonly fallback: Fallback | null
  readonly startedAt: number
  readonly durationMs: number
}

/** What was written of results or decisions. */
export interface Settlements {
  /** Those that took effect: the lease was still ours, the row still waited. */
  readonly applied: ReadonlySet<string>
  /** What falls due again: retries and fallbacks. */
  readonly due: readonly DelayEntry[]
}

/** PostgreSQL: the truth. Every method is one round trip for the whole batch and rejects when the store is away. */
export interface Ledger {
  /** Finds the answers that were given to earlier requests with these keys; null where a key is new. In order. */
  recall(keys: readonly TenantKey[]): Promise<readonly (Recalled | null)[]>
  /** Writes new rows and their idempotency keys in one transaction; results are in the order of the entries. */
  insert(entries: readonly Entry[]): Promise<readonly InsertResult[]>
  /** Records what was decided about rows that fell due, and the notifications that take the place of those that end. */
  decide(entries: readonly Entry[]): Promise<Settlements>
  /** Reads those of `ids` that wait for their time. */
  waiting(ids: readonly string[]): Promise<readonly Waiting[]>
  /** Takes the lease on those of `ids` that may be delivered now, and ends those that have expired. */
  claim(ids: readonly string[], leaseMs: number): Promise<Claim>
  /** Writes results, and the notifications that take the place of failed ones. */
  settle(results: readonly AttemptResult[]): Promise<Settlements>
}

/** What is collected into digests: a part of the ledger. */
export interface Digests {
  /** Those that wait for their digest and whose time has come, for each of these users. In order. */
  held(users: readonly DigestKey[]): Promise<readonly (readonly Held[])[]>
  /** Writes digests and collects into them what is still free; resolves to those that have anything in them. */
  collect(drafts: readonly DigestDraft[]): Promise<ReadonlySet<string>>
  /** What is in these digests. In order. */
  collected(digestIds: readonly string[]): Promise<readonly Collection[]>
}

export interface ReadyEntry {
  readonly id: string
  readonly channel: QueuedChannel
  readonly priority: Priority
  readonly tenantId: string
}

export interface DelayEntry {
  readonly id: string
  readonly tenantId: string
  readonly dueAt: number
}

export interface QueueDepth {
  readonly ready: Readonly<Record<QueuedChannel, number>>
  readonly delayed: number
}

/**
 * An index of what is ready and what falls due. It may lose or repeat ids at any
 * time: the ledger fences repeats, the sweeper restores losses.
 */
export interface Queue {
  /** Adds to the ready lanes, in order; an id that is already there keeps its place. */
  push(entries: readonly ReadyEntry[]): Promise<void>
  /**
   * Removes and returns up to `max` ids. Critical ones go first. Of the others, and of the critical ones among
   * themselves, each tenant has its turn, in proportion to its priorities (`STEP`), however much another has
   * waiting; within a tenant and priority it is first in, first out.
   */
  take(channel: QueuedChannel, max: number): Promise<readonly string[]>
  /** Adds to the delay set; an id that is already there moves to the new time. */
  delay(entries: readonly DelayEntry[]): Promise<void>
  /** Removes and returns up to `max` ids that are due at `now`: the earliest of each tenant, a turn for each. */
  takeDue(now: number, max: number): Promise<readonly string[]>
  depth(): Promise<QueueDepth>
  /** How many ids each tenant has in a lane. */
  held(channel: QueuedChannel): Promise<ReadonlyMap<string, number>>
  /** Calls back when something may be ready in a lane, here or in another instance. Returns the unsubscriber. */
  onReady(listener: (channel: QueuedChannel) => void): () => void
}

export interface RateKey {
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
}

export interface RateLimits {
  readonly perHour: number
  readonly perDay: number
}

/**
 * Limits of single channels that losing the counters must not lift, because each message costs money.
 * Counted in the ledger by clock hour (UTC).
 */
export interface ChannelCounters {
  /** Counts each key once where its channel is below its limit; says for each whether it was. In order. */
  take(keys: readonly RateKey[], perHour: ReadonlyMap<Channel, number>): Promise<readonly boolean[]>
}

/** What is sent to no more than so often: a URL. */
export interface PaceKey {
  readonly tenantId: string
  readonly target: string
}

/**
 * Spreads what goes to one target over time. Each key takes the next free place of its target; no minute
 * has more than `perMinute` of them.
 */
export interface Pacer {
  /** When each may go, in epoch milliseconds: `now` or earlier when at once. In order: repeats of a key see each other. */
  reserve(keys: readonly PaceKey[], perMinute: number, now: number): Promise<readonly number[]>
}

export interface EndpointKey {
  readonly tenantId: string
  readonly id: string
}

/** The registered webhook endpoints. */
export interface Endpoints {
  /** Where each is reached; null where the tenant has no such endpoint. In order. */
  urls(keys: readonly EndpointKey[]): Promise<readonly (string | null)[]>
}

/** Counts what each recipient was sent in the current clock hour and day (UTC). */
export interface RateCounters {
  /** Counts each key once where it is below both limits; says for each whether it was. In order: repeats of a key see each other. */
  take(keys: readonly RateKey[], limits: RateLimits, now: number): Promise<readonly boolean[]>
}

/** One text with its title, and what goes into them. */
export interface RenderJob {
  /** Whose text it is: one tenant's hostile text must not slow the others. */
  readonly tenantId: string
  readonly title: string
  readonly content: string
  /** Whether values in the content are HTML-escaped. */
  readonly html: boolean
  readonly variables: JsonObject
  /** For filters that write dates and numbers. Null: as the filter does by default. */
  readonly locale: string | null
  readonly timezone: string | null
}

/** Fills in texts. Never rejects for a text: what cannot be rendered gives its failure and harms no other. In order. */
export interface Renderer {
  render(jobs: readonly RenderJob[]): Promise<readonly (Rendered | Failure)[]>
}

export interface TemplateKey {
  readonly tenantId: string
  readonly id: string
}

/** The templates that may be sent; null where there is none, or none approved. In order. */
export interface Templates {
  find(keys: readonly TemplateKey[]): Promise<readonly (Template | null)[]>
}

/** Who is to be written to, and where. */
export interface Addressee {
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
  /** As the sender gave it. Null: whatever the directory says. */
  readonly address: string | null
}

/** The directory, the subscriptions, the blocklist and the suppression list, in one round trip. In order. */
export interface Recipients {
  find(addressees: readonly Addressee[]): Promise<readonly Standing[]>
}

/** Told of in-app notifications once they are committed; must not throw: the rows are the truth. */
export interface Inbox {
  announce(notifications: readonly Notification[]): Promise<void>
}

export interface DeliveryPolicy {
  /** How long one try may take before it is aborted. */
  readonly timeoutMs: number
  /** Tries within one attempt, seconds apart; 1 is no retry in process. */
  readonly tries: number
  /** How many deliveries run at once: the bulkhead. */
  readonly slots: number
}

/** Sends by one channel. Throws `DeliveryFailure`; stops when the signal says so. */
export interface Sink {
  /** What the circuit breaker guards as one: a host, a provider. Null: nothing to break. */
  target(notification: Notification): string | null
  send(notification: Notification, signal: AbortSignal): Promise<Receipt>
}

/** A user of a tenant: whose sockets, whose unread count. */
export interface UserAddress {
  readonly tenantId: string
  readonly userId: string
}

/** A JSON text frame for sockets. A critical one overtakes what is buffered. */
export interface Frame {
  readonly data: string
  readonly critical: boolean
}

/** Carries frames to the instances that hold a user's sockets. Best effort: the rows are the truth. */
export interface Relay {
  /** Hands the frame to every instance that has joined the user; resolves to how many there were. */
  toUser(user: UserAddress, frame: Frame): Promise<number>
  /** Hands the frame to every instance, for all sockets of the tenant. */
  toTenant(tenantId: string, frame: Frame): Promise<void>
  /** This instance has sockets of the user from now on. */
  join(user: UserAddress): Promise<void>
  /** It has none any more. */
  leave(user: UserAddress): Promise<void>
  /**
   * Whether a count of none can be believed. False after the relay was away: then it resolves once every instance
   * has had time to join again, and the frame is worth another try.
   */
  settled(signal: AbortSignal): Promise<boolean>
  /** Where frames for this instance go. Set once, before the first `join`. */
  onFrame(receiver: FrameReceiver): void
}

export interface FrameReceiver {
  toUser(user: UserAddress, frame: Frame): void
  toTenant(tenantId: string, frame: Frame): void
  /** Frames of the last `forMs` may not have come: the relay was away. */
  interrupted(forMs: number): void
}

/** Who has a socket open, in any instance. Best effort: rejects while what is shared cannot be reached. */
export interface Presence {
  /** These have sockets here. To be repeated every 30 s: what is not is forgotten after 90 s. */
  present(users: readonly UserAddress[]): Promise<void>
  /** These have none here any more, and the relay has taken note. They stay where another instance has joined them. */
  left(users: readonly UserAddress[]): Promise<void>
  /** In order. */
  online(tenantId: string, userIds: readonly string[]): Promise<readonly boolean[]>
  list(tenantId: string, page: OnlineQuery): Promise<OnlineUsers>
}

export interface OnlineQuery {
  /** 1 to 100. */
  readonly limit: number
  /** From the previous page. */
  readonly cursor: string | null
}

export interface OnlineUsers {
  /** In the order of their ids. */
  readonly userIds: readonly string[]
  readonly nextCursor: string | null
  /** Of the tenant; users of an instance that died are among them for up to 90 s. */
  readonly count: number
}

/** The last notification that a client has seen, or a time by the ledger's clock in epoch milliseconds. */
export type Since = { readonly id: string } | { readonly at: number }

/** What was or should have been shown on the sockets of a user. */
export interface Shown {
  readonly id: string
  readonly title: string
  readonly content: string
  readonly priority: Priority
  readonly metadata: JsonObject
  /** Epoch milliseconds. */
  readonly shownAt: number
  readonly isRead: boolean
}

/** What a client may have missed: in the inbox, and of the WebSocket channel what nothing else was tried for. */
export interface Missed {
  /** Ids since then, oldest first, at most `max`; some from shortly before may be among them. Null: nobody knows that one. */
  since(user: UserAddress, since: Since, max: number): Promise<readonly string[] | null>
  /** Those that are still there. In order. */
  read(user: UserAddress, ids: readonly string[]): Promise<readonly Shown[]>
}

/**
 * How many unread in-app notifications each user has: a cache over the ledger.
 * A count that is not known is read from the ledger by `load` and kept for at most a
 * minute, and a change that happens during the load is never lost.
 */
export interface UnreadCounts {
  /** Applies committed changes to the counts that are known; gives the new count of each change, null where unknown. */
  add(changes: readonly (UserAddress & { readonly delta: number })[]): Promise<readonly (number | null)[]>
  read(user: UserAddress, load: () => Promise<number>): Promise<number>
}

/** Tells whether the queue's index is what this service built. */
export interface Epoch {
  /** False after the index was lost: whoever finds that rebuilds it from the ledger and marks it. */
  intact(): Promise<boolean>
  markIntact(): Promise<void>
}
