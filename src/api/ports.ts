import type { Acceptance } from '../model/acceptance.js'
import type { Attachment } from '../model/attachment.js'
import type { Poison } from '../model/dead-event.js'
import type { DeadEventRecord, DeadLetter, DeadLetterFilter } from '../model/dead-letter.js'
import type { Device } from '../model/device.js'
import type { Failure } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'
import type { Channel, Idempotency, NotificationRequest, Priority, Status } from '../model/notification.js'
import type {
  DigestFrequency,
  Group,
  QuietWindow,
  Subscription,
  SuppressionReason,
} from '../model/recipient.js'
import type { RunStatus, Timing } from '../model/schedule.js'
import type { TemplateVariable, TemplateVariant } from '../model/template.js'
import type { TemplateUse } from '../model/template-use.js'
import type { VendorTemplate } from '../model/vendor-template.js'
import type { AttemptResult, UserAddress } from '../streams/ports.js'

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
  readonly attachments: readonly Attachment[]
  readonly status: Status
  /** Why it is deferred, suppressed, expired or failed. */
  readonly reason: string | null
  readonly attempt: number
  readonly templateId: string | null
  /** The text of the template that it was rendered with. */
  readonly templateUse: TemplateUse | null
  /** Set when it is a digest of others. */
  readonly digest: DigestFrequency | null
  /** The digest that it was collected into. */
  readonly digestId: string | null
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
  readonly result: AttemptResult['status']
  readonly failureCode: string | null
  readonly message: string | null
  /** Which of several providers it was. */
  readonly provider: string | null
  readonly providerId: string | null
  readonly startedAt: number
  readonly durationMs: number
}

/** One step of a chain of fallbacks. */
export interface ChainLink {
  readonly id: string
  readonly channel: Channel
  readonly status: Status
  readonly reason: string | null
  readonly attempt: number
  readonly createdAt: number
  readonly sentAt: number | null
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
  /** What was tried one after the other to reach somebody: this one, what it stands in for and what stands in for it. */
  chain(id: string): Promise<readonly ChainLink[]>
  /** Ids of what was collected into a digest, oldest first: at most the first 1000. */
  collected(digestId: string): Promise<readonly string[]>
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

/** A caller's requests in the window that runs. */
export interface CallerCount {
  /** With this one. */
  readonly count: number
  /** Milliseconds until the window is over; the next one begins with the next request. */
  readonly resetMs: number
}

/** Counts the requests of callers in windows of a minute, over all instances that share a Redis. */
export interface CallerCounters {
  count(caller: UserAddress): Promise<CallerCount>
}

/** What a recipient may tell about themselves. */
export interface LocalPreferences {
  /** BCP 47. Null: as the template has it. */
  readonly locale: string | null
  /** IANA. Null: as configured. */
  readonly timezone: string | null
  /** Null: as configured. Empty: none. */
  readonly quietHours: readonly QuietWindow[] | null
}

/** Who is behind a user id. */
export interface DirectoryEntry extends LocalPreferences {
  readonly userId: string
  readonly email: string | null
  /** E.164. */
  readonly phone: string | null
  readonly devices: readonly Device[]
}

export interface DirectoryRecord extends DirectoryEntry {
  readonly createdAt: number
  readonly updatedAt: number
}

/** The recipients directory, so that a sender need only know a user id. */
export interface Directory {
  find(user: UserAddress): Promise<DirectoryRecord | null>
  /** Writes entries in place of what was known about these users, all or none. Each user at most once. */
  put(tenantId: string, entries: readonly DirectoryEntry[]): Promise<readonly DirectoryRecord[]>
  /** Changes what is named and nothing else; opens an entry where there is none. */
  prefer(user: UserAddress, changes: Partial<LocalPreferences>): Promise<DirectoryRecord>
}

export interface SubscriptionRecord extends Subscription {
  readonly updatedAt: number
}

/** Which subscriptions are meant: those that fit everything that is named. */
export interface SubscriptionFilter {
  readonly scope: Subscription['scope'] | null
  /** The type or group; null: any. */
  readonly name: string | null
  readonly channel: Channel | null
}

/** What somebody does not want to be sent any more: a type by one channel, or all of a group. */
export type Unwanted =
  | { readonly kind: 'type'; readonly notificationType: string; readonly channel: Channel }
  | { readonly kind: 'group'; readonly group: Group }

/** What users have decided about what they are sent. */
export interface Preferences {
  /** The most specific last. */
  list(user: UserAddress): Promise<readonly SubscriptionRecord[]>
  /**
   * Writes these in place of those for the same type or group and channel; resolves to all of the user's.
   * Rejects with `validation_failed` when they would become more than 500.
   */
  put(user: UserAddress, rules: readonly Subscription[]): Promise<readonly SubscriptionRecord[]>
  /** Back to the default; resolves to how many there were. */
  remove(user: UserAddress, filter: SubscriptionFilter): Promise<number>
  /**
   * Turns off what is unwanted, and of a group also everything in it that was turned on by itself.
   * @param once the notification whose link is used: of two uses, the second changes nothing
   */
  unsubscribe(
    user: UserAddress,
    unwanted: Unwanted,
    once: { readonly notificationId: string } | null,
  ): Promise<'done' | 'used_before'>
}

export interface BlockRecord {
  readonly userId: string
  readonly reason: string | null
  /** The subject of the token that asked for it. */
  readonly createdBy: string
  readonly createdAt: number
}

/** Users to whom nothing is sent, by decision of the operator. */
export interface Blocklist {
  /** Of a user who is on it already, the reason is replaced. */
  add(user: UserAddress, reason: string | null, createdBy: string): Promise<BlockRecord>
  /** False when the user was not on it. */
  remove(user: UserAddress): Promise<boolean>
  list(tenantId: string, page: PageQuery): Promise<Page<BlockRecord>>
}

export interface PageQuery {
  /** 1 to 100. */
  readonly limit: number
  /** From the previous page. */
  readonly cursor: string | null
}

export interface SuppressedAddress {
  readonly tenantId: string
  readonly channel: Channel
  /** In any spelling. */
  readonly address: string
}

export interface SuppressionRecord {
  readonly channel: Channel
  /** In its canonical spelling. */
  readonly address: string
  readonly reason: SuppressionReason
  readonly note: string | null
  readonly createdAt: number
}

/** Addresses to which nothing is sent. */
export interface Suppressions {
  /** Of an address that is there already, reason and note are replaced. */
  add(address: SuppressedAddress, reason: SuppressionReason, note: string | null): Promise<SuppressionRecord>
  /** False when it was not there. */
  remove(address: SuppressedAddress): Promise<boolean>
  /** By channel and address; `null` is any. */
  list(
    tenantId: string,
    filter: { readonly channel: Channel | null; readonly address: string | null },
    page: PageQuery,
  ): Promise<Page<SuppressionRecord>>
}

/** The content of an attachment. */
export interface AttachmentToKeep {
  readonly id: string
  readonly content: Buffer
}

/** Keeps what goes with notifications. */
export interface Attachments {
  /** For a day at least, and afterwards for as long as a notification names them. */
  keep(tenantId: string, files: readonly AttachmentToKeep[]): Promise<void>
}

/** What came back of mail that had been taken. */
export interface Bounces {
  /** Records it on a mail that counts as sent; false when there is none such in that tenant. */
  mark(tenantId: string, notificationId: string, reason: 'bounced' | 'complained'): Promise<boolean>
}

/** A secret of an endpoint, without the secret itself. */
export interface WebhookSecretRecord {
  readonly createdAt: number
  /** Null: until it is replaced. */
  readonly expiresAt: number | null
}

/** A URL that notifications are posted to, with secrets of its own. */
export interface WebhookEndpointRecord {
  readonly id: string
  readonly tenantId: string
  /** In its canonical spelling. */
  readonly url: string
  readonly description: string | null
  /** Those that are valid, the newest first. */
  readonly secrets: readonly WebhookSecretRecord[]
  /** Null: it is called. */
  readonly disabledAt: number | null
  readonly disabledReason: 'gone' | 'failing' | 'manual' | null
  readonly lastSuccessAt: number | null
  readonly lastFailureAt: number | null
  /** Its code. */
  readonly lastFailure: string | null
  /** Since the last success. */
  readonly consecutiveFailures: number
  readonly failingSince: number | null
  /** The subject of the token that asked for it. */
  readonly createdBy: string
  readonly createdAt: number
  readonly updatedAt: number
}

/** The only time that a secret is told. */
export interface WebhookEndpointWithSecret {
  readonly endpoint: WebhookEndpointRecord
  readonly secret: string
}

export interface NewWebhookEndpoint {
  readonly url: string
  readonly description: string | null
  /** Null: as the suppression list has it. */
  readonly enabled: boolean | null
}

export interface WebhookEndpointChange {
  /** Null: as it is. */
  readonly url: string | null
  /** Undefined: as it is. Null: none. */
  readonly description: string | null | undefined
  /** Null: as it is. */
  readonly enabled: boolean | null
}

/** The webhook endpoints of each tenant. `null`: there is no such one. */
export interface WebhookEndpoints {
  /** Rejects with `conflict` when the tenant has 1000, or one with this URL. */
  create(
    tenantId: string,
    endpoint: NewWebhookEndpoint,
    createdBy: string,
  ): Promise<WebhookEndpointWithSecret>
  find(tenantId: string, id: string): Promise<WebhookEndpointRecord | null>
  /** Oldest first. */
  list(tenantId: string, page: PageQuery): Promise<Page<WebhookEndpointRecord>>
  /** Rejects with `conflict` when the tenant has another one with this URL. */
  change(tenantId: string, id: string, change: WebhookEndpointChange): Promise<WebhookEndpointRecord | null>
  /** False when there was none. */
  remove(tenantId: string, id: string): Promise<boolean>
  /**
   * Gives it a new secret; those before are valid for another `overlapMs`, or not at all when that is 0.
   * Rejects with `conflict` when more than three would be valid.
   */
  rotate(tenantId: string, id: string, overlapMs: number): Promise<WebhookEndpointWithSecret | null>
}

export interface RedrivenNotifications {
  readonly redriven: readonly {
    readonly id: string
    readonly channel: Channel
    readonly dueAt: number
    readonly traceparent: string | null
  }[]
  /** Why the others were not, by their ids: `not_found` or `conflict`. */
  readonly refused: ReadonlyMap<string, Failure>
}

/** Events that could not become notifications, and notifications that ended badly and whose place nothing has taken. */
export interface DeadLetters {
  /** Newest first. Where few of many fit, a page has fewer than it may, and goes on all the same. */
  list(tenantId: string, filter: DeadLetterFilter, page: PageQuery): Promise<Page<DeadLetter>>
  /** How many fit among the 10 000 that come after the cursor. */
  remaining(tenantId: string, filter: DeadLetterFilter, cursor: string): Promise<number>
  /** Also one with the reason `offline`. */
  findNotification(tenantId: string, id: string): Promise<DeadLetter | null>
  /** Events as they came, those there are. */
  records(tenantId: string, ids: readonly string[]): Promise<readonly DeadEventRecord[]>
  /** Writes what became of events by their ids; null: they have become notifications. */
  settle(outcomes: ReadonlyMap<string, Pick<Poison, 'reason' | 'detail'> | null>): Promise<void>
  /** Of events; false when there was none. */
  remove(tenantId: string, id: string): Promise<boolean>
  /** Makes them pending again, a portion at a time; those of a portion are durable when it is given. */
  redrive(
    tenantId: string,
    wanted: readonly { readonly id: string; readonly isDigest: boolean }[],
  ): AsyncIterable<RedrivenNotifications>
}

/** What is known about a recipient besides what they were sent. */
export interface Profile {
  readonly entry: DirectoryRecord | null
  readonly subscriptions: readonly SubscriptionRecord[]
  readonly blocked: BlockRecord | null
  /** Of the address in the directory. */
  readonly suppressions: readonly SuppressionRecord[]
}

/** All that is kept about one recipient, for those who have a right to it (GDPR articles 15 and 17). */
export interface PersonalData {
  /** Null when nothing is known. */
  profile(user: UserAddress): Promise<Profile | null>
  /** Oldest first. */
  export(user: UserAddress): AsyncIterable<NotificationRecord>
  /**
   * Removes notifications, the directory entry and the subscriptions. The blocklist and the suppression list stay.
   * `erased`: notifications; `remaining`: what is being sent at this moment; ask again when it is done.
   */
  erase(user: UserAddress): Promise<{ readonly erased: number; readonly remaining: number }>
}

/** A text that is to be looked at before it is saved. */
export interface TextToInspect {
  /** JSON pointer, for messages. */
  readonly field: string
  readonly source: string
}

export interface TextReport {
  /** Names of the variables that the text takes from outside: `order` for `order.total`; neither what it assigns itself nor loop variables. */
  readonly variables: readonly string[]
  /** Null when the text is valid. `overloaded` when it could not be looked at now. */
  readonly failure: Failure | null
}

/** Looks at texts as the renderer will. In order; never rejects for a text. */
export interface TextInspector {
  inspect(tenantId: string, texts: readonly TextToInspect[]): Promise<readonly TextReport[]>
}

/** What is sent again and again, and when. */
export interface ScheduleDefinition extends Timing {
  readonly name: string
  /** The body of a send or batch request, as far as it is the same every time. */
  readonly message: JsonObject
}

export interface ScheduleSummary extends Timing {
  readonly id: string
  readonly tenantId: string
  readonly name: string
  readonly paused: boolean
  /** Null while it is paused and once it has ended. */
  readonly nextRunAt: number | null
  /** The subject of the token that asked for it. */
  readonly createdBy: string
  readonly createdAt: number
  readonly updatedAt: number
}

export interface ScheduleRecord extends ScheduleSummary, ScheduleDefinition {}

export interface ScheduleRunRecord {
  /** The time that it stands for. */
  readonly plannedAt: number
  readonly status: RunStatus
  readonly attempt: number
  readonly firedAt: number | null
  readonly notificationId: string | null
  readonly jobId: string | null
  readonly accepted: number | null
  readonly refused: number | null
  readonly error: string | null
}

/** Recurring notifications. `null`: there is no such schedule in that tenant. */
export interface Schedules {
  /** Rejects with `conflict` when the tenant has 1000. */
  create(
    tenantId: string,
    createdBy: string,
    definition: ScheduleDefinition,
    nextRunAt: number,
  ): Promise<ScheduleRecord>
  /** Oldest first. */
  list(tenantId: string, page: PageQuery): Promise<Page<ScheduleSummary>>
  find(tenantId: string, id: string): Promise<ScheduleRecord | null>
  /** What is paused stays so. */
  replace(
    tenantId: string,
    id: string,
    definition: ScheduleDefinition,
    nextRunAt: number,
  ): Promise<ScheduleRecord | null>
  /** With its runs; false when there was none. */
  remove(tenantId: string, id: string): Promise<boolean>
  pause(tenantId: string, id: string): Promise<ScheduleRecord | null>
  /** Goes on with the first run after `now`. */
  resume(tenantId: string, id: string, now: number): Promise<ScheduleRecord | null>
  /** Fires it besides its plan. Rejects with `conflict` while another run is under way. */
  runNow(tenantId: string, id: string): Promise<ScheduleRunRecord | null>
  /** The last 1000, newest first. */
  runs(tenantId: string, id: string, page: PageQuery): Promise<Page<ScheduleRunRecord> | null>
}

/** What a version of a template says: checked, and never changed once it is saved. */
export interface TemplateTexts {
  readonly defaultLocale: string
  readonly variables: readonly TemplateVariable[]
  readonly variants: readonly TemplateVariant[]
  /** Of text messages; null: their content is sent. */
  readonly vendor?: VendorTemplate | null
}

export const REVIEW_STATUSES = ['pending_review', 'approved', 'rejected'] as const
export type ReviewStatus = (typeof REVIEW_STATUSES)[number]

export interface TemplateReview {
  readonly version: number
  readonly status: ReviewStatus
  /** Whether this is the version that is sent. */
  readonly active: boolean
  /** The subject of the token that saved it. */
  readonly createdBy: string
  readonly createdAt: number
  /** Null until then, and where `autoApprove` did it. */
  readonly reviewedBy: string | null
  readonly reviewedAt: number | null
  /** Why it was rejected. */
  readonly reviewNote: string | null
}

export interface TemplateVersion extends TemplateReview, TemplateTexts {}

export interface TemplateSummary {
  readonly id: string
  readonly name: string
  readonly channel: Channel
  /** The version that is sent; null until one is approved. */
  readonly activeVersion: number | null
  readonly latestVersion: number
  readonly latestStatus: ReviewStatus
  readonly createdAt: number
  readonly updatedAt: number
}

export interface TemplateRecord extends TemplateSummary {
  readonly latest: TemplateVersion
}

export interface NewTemplate {
  /** Null: one is made. */
  readonly id: string | null
  readonly name: string
  readonly channel: Channel
  readonly texts: TemplateTexts
}

export interface VersionKey {
  readonly tenantId: string
  readonly id: string
  readonly version: number
}

/** What became of the notifications that a variant was sent as. */
export interface VariantStats {
  readonly version: number
  readonly variant: string
  readonly statuses: Readonly<Partial<Record<Status, number>>>
  /** Of those in the inbox, how many were read. */
  readonly read: number
}

/** The templates of each tenant, with every version there was. `null`: there is none in that tenant. */
export interface TemplateLibrary {
  /** Rejects with `conflict` when there is one with this id. */
  create(tenantId: string, template: NewTemplate, author: string): Promise<TemplateRecord>
  find(tenantId: string, id: string): Promise<TemplateRecord | null>
  /** By id. */
  list(tenantId: string, channel: Channel | null, page: PageQuery): Promise<Page<TemplateSummary>>
  /**
   * Adds a version; of several at once, each becomes one. Rejects with `conflict` when there are 1000 already.
   * @param name null: as it was
   */
  update(
    tenantId: string,
    id: string,
    change: { readonly name: string | null; readonly texts: TemplateTexts },
    author: string,
  ): Promise<TemplateRecord | null>
  /** With all its versions. False when there was none. */
  remove(tenantId: string, id: string): Promise<boolean>
  /** The newest first. */
  versions(tenantId: string, id: string, page: PageQuery): Promise<Page<TemplateReview> | null>
  findVersion(key: VersionKey): Promise<TemplateVersion | null>
  /** From then on it is sent. Rejects with `conflict` when it has been reviewed before. */
  approve(key: VersionKey, reviewer: string): Promise<TemplateVersion | null>
  /** Rejects with `conflict` when it has been reviewed before. */
  reject(key: VersionKey, reviewer: string, reason: string): Promise<TemplateVersion | null>
  /** Makes it the one that is sent, again. Rejects with `conflict` when it is not approved. */
  activate(key: VersionKey): Promise<TemplateVersion | null>
  /** What was made of each variant since `since` and since the template exists, the newest version first. */
  stats(tenantId: string, id: string, since: number): Promise<readonly VariantStats[] | null>
}
