import type {
  Attachments,
  AttachmentToKeep,
  Blocklist,
  Bounces,
  Broadcaster,
  DeadLetters,
  Directory,
  InboxQuery,
  Intake,
  Jobs,
  NotificationRecord,
  Notifications,
  Page,
  PersonalData,
  Preferences,
  ReadChange,
  Schedules,
  Stats,
  Suppressions,
  TemplateLibrary,
  TextInspector,
  WebhookEndpoints,
} from '../../src/api/ports.js'
import type { Redriving } from '../../src/api/use-cases/redriving.js'
import type { Acceptance } from '../../src/model/acceptance.js'
import { Failure } from '../../src/model/failure.js'
import { jobId, notificationId } from '../../src/model/id.js'
import type { Idempotency, NotificationRequest, Status } from '../../src/model/notification.js'
import { MemoryPresence } from '../../src/state/memory/presence.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import type { Presence, Renderer, UserAddress } from '../../src/streams/ports.js'
import { noTemplates } from './no-templates.js'

export interface MemoryPorts {
  readonly intake: Intake & { readonly submitted: NotificationRequest[] }
  readonly notifications: Notifications & { readonly records: Map<string, NotificationRecord> }
  readonly jobs: Jobs & { readonly jobs: Map<string, MemoryJob> }
  readonly deadLetters: DeadLetters
  readonly redriving: Redriving
  readonly stats: Stats
  readonly personalData: PersonalData
  readonly directory: Directory
  readonly preferences: Preferences
  readonly blocklist: Blocklist
  readonly suppressions: Suppressions
  readonly attachments: Attachments & { readonly kept: AttachmentToKeep[] }
  readonly bounces: Bounces & { readonly marked: string[] }
  readonly webhookEndpoints: WebhookEndpoints
  readonly schedules: Schedules
  readonly templates: TemplateLibrary
  readonly inspector: TextInspector
  readonly renderer: Renderer
  readonly presence: Presence
  readonly broadcaster: Broadcaster & { readonly sent: string[] }
}

interface MemoryJob {
  readonly id: string
  readonly tenantId: string
  readonly total: number
  refused: Readonly<Record<string, number>>
  readonly createdAt: number
  readonly idempotency: Idempotency | null
}

/** What stands behind the API, in maps: just enough to see what the API asked of it. */
export function memoryPorts(): MemoryPorts {
  const records = new Map<string, NotificationRecord>()
  return {
    intake: memoryIntake(records),
    notifications: memoryNotifications(records),
    jobs: memoryJobs(records),
    ...noDeadLetters(),
    stats: { read: async () => [] },
    personalData: memoryPersonalData(records),
    ...nobody(),
    webhookEndpoints: noEndpoints(),
    schedules: noSchedules(),
    ...noTemplates(),
    broadcaster: memoryBroadcaster(),
    presence: new MemoryPresence(new MemoryRelay()),
    attachments: memoryAttachments(),
    bounces: memoryBounces(),
  }
}

function memoryIntake(records: Map<string, NotificationRecord>): MemoryPorts['intake'] {
  const submitted: NotificationRequest[] = []
  const keys = new Map<string, { fingerprint: string; acceptance: Acceptance }>()
  return {
    submitted,
    async submit(request, idempotency) {
      const scope = idempotency === null ? '' : `${request.tenantId}\n${idempotency.key}`
      const known = keys.get(scope)
      if (idempotency !== null && known !== undefined) {
        if (known.fingerprint === idempotency.fingerprint) return { ...known.acceptance, replayed: true }
        throw new Failure('idempotency_mismatch', 'the key was used with another body')
      }
      submitted.push(request)
      const record = recordOf(request)
      records.set(record.id, record)
      const acceptance: Acceptance = {
        id: record.id,
        status: record.status,
        createdAt: record.createdAt,
        reason: request.scheduledAt === null ? null : 'scheduled',
        deferredUntil: request.scheduledAt,
        replayed: false,
      }
      if (idempotency !== null) keys.set(scope, { fingerprint: idempotency.fingerprint, acceptance })
      return acceptance
    },
  }
}

function recordOf(request: NotificationRequest): NotificationRecord {
  const now = Date.now()
  const sent = request.channel === 'in_app' && request.scheduledAt === null
  return {
    ...request,
    id: notificationId(now),
    status: sent ? 'sent' : 'pending',
    reason: null,
    parentId: null,
    templateUse: null,
    digest: null,
    digestId: null,
    attempt: 0,
    createdAt: now,
    updatedAt: now,
    dueAt: request.scheduledAt,
    sentAt: sent ? now : null,
    readAt: null,
    archivedAt: null,
  }
}

function memoryNotifications(records: Map<string, NotificationRecord>): MemoryPorts['notifications'] {
  const own = (user: UserAddress): NotificationRecord[] =>
    [...records.values()].filter(
      ({ tenantId, userId }) => tenantId === user.tenantId && userId === user.userId,
    )
  const find = (tenantId: string, id: string): NotificationRecord | null => {
    const record = records.get(id)
    return record?.tenantId === tenantId ? record : null
  }
  const put = (record: NotificationRecord | null, change: Partial<NotificationRecord>) => {
    if (record === null) return null
    const next = { ...record, ...change }
    records.set(record.id, next)
    return next
  }
  const pending = (record: NotificationRecord | null): NotificationRecord | null => {
    if (record !== null && record.status !== 'pending')
      throw new Failure('conflict', `it is ${record.status}`)
    return record
  }
  const CHANGES: Record<ReadChange, () => Partial<NotificationRecord>> = {
    read: () => ({ readAt: Date.now() }),
    unread: () => ({ readAt: null }),
    archive: () => ({ archivedAt: Date.now() }),
  }
  return {
    records,
    find: async (tenantId, id) => find(tenantId, id),
    attempts: async () => [
      {
        attempt: 1,
        result: 'sent',
        failureCode: null,
        message: null,
        provider: null,
        providerId: 'p-1',
        startedAt: 0,
        durationMs: 3,
      },
    ],
    chain: async () => [],
    collected: async () => [],
    list: async (query) => page(own(query), query),
    change: async (user, id, change) => {
      const record = own(user).find((candidate) => candidate.id === id) ?? null
      return put(record, CHANGES[change]())
    },
    readAll: async (user) => {
      const unread = own(user).filter(({ readAt }) => readAt === null)
      for (const record of unread) put(record, { readAt: Date.now() })
      return unread.length
    },
    unreadCount: async (user) => own(user).filter(({ readAt }) => readAt === null).length,
    cancel: async (tenantId, id) => put(pending(find(tenantId, id)), { status: 'cancelled' }),
    reschedule: async (tenantId, id, dueAt) =>
      put(pending(find(tenantId, id)), { dueAt, scheduledAt: dueAt }),
  }
}

function page(records: readonly NotificationRecord[], query: InboxQuery): Page<NotificationRecord> {
  const matching = records
    .filter(({ channel }) => channel === query.channel)
    .filter(({ readAt }) => query.unread === null || (readAt === null) === query.unread)
    .filter(({ archivedAt }) => (archivedAt !== null) === query.archived)
    .sort((a, b) => (a.id < b.id ? 1 : -1))
  const start = matching.findIndex(({ id }) => query.cursor === null || id < query.cursor)
  const items = start === -1 ? [] : matching.slice(start, start + query.limit)
  const last = items.at(-1)
  return { items, nextCursor: last === undefined || last === matching.at(-1) ? null : last.id }
}

function memoryJobs(records: Map<string, NotificationRecord>): MemoryPorts['jobs'] {
  const jobs = new Map<string, MemoryJob>()
  return {
    jobs,
    async open(tenantId, total, idempotency) {
      const known = [...jobs.values()].find(
        (job) =>
          idempotency !== null && job.tenantId === tenantId && job.idempotency?.key === idempotency.key,
      )
      if (known !== undefined) {
        if (known.idempotency?.fingerprint === idempotency?.fingerprint) return { job: known, existing: true }
        throw new Failure('idempotency_mismatch', 'the key was used with another body')
      }
      const createdAt = Date.now()
      const job = { id: jobId(createdAt), tenantId, total, refused: {}, createdAt, idempotency }
      jobs.set(job.id, job)
      return { job, existing: false }
    },
    async close(id, refused) {
      const job = jobs.get(id)
      if (job !== undefined) job.refused = refused
    },
    async discard(id) {
      if (![...records.values()].some(({ jobId }) => jobId === id)) jobs.delete(id)
    },
    async find(tenantId, id) {
      const job = jobs.get(id)
      if (job?.tenantId !== tenantId) return null
      const statuses: Partial<Record<Status, number>> = {}
      for (const { jobId, status } of records.values()) {
        if (jobId === id) statuses[status] = (statuses[status] ?? 0) + 1
      }
      return { ...job, statuses }
    },
  }
}

function memoryAttachments(): MemoryPorts['attachments'] {
  const kept: AttachmentToKeep[] = []
  return {
    kept,
    async keep(_tenantId, files) {
      kept.push(...files)
    },
  }
}

function memoryBounces(): MemoryPorts['bounces'] {
  const marked: string[] = []
  return {
    marked,
    async mark(_tenantId, notificationId, reason) {
      marked.push(`${notificationId} ${reason}`)
      return true
    },
  }
}

function memoryBroadcaster(): MemoryPorts['broadcaster'] {
  const sent: string[] = []
  return {
    sent,
    async broadcast(tenantId, message) {
      sent.push(`${tenantId}: ${message.title}`)
    },
  }
}

function memoryPersonalData(records: Map<string, NotificationRecord>): PersonalData {
  const own = (user: UserAddress): NotificationRecord[] =>
    [...records.values()].filter(
      ({ tenantId, userId }) => tenantId === user.tenantId && userId === user.userId,
    )
  return {
    profile: async () => null,
    export: async function* (user) {
      yield* own(user)
    },
    async erase(user) {
      const erased = own(user)
      for (const { id } of erased) records.delete(id)
      return { erased: erased.length, remaining: 0 }
    },
  }
}

/** A directory and lists that are empty and stay so: their tests use the real ones. */
function nobody(): Pick<MemoryPorts, 'directory' | 'preferences' | 'blocklist' | 'suppressions'> {
  const time = Date.now()
  const record = { locale: null, timezone: null, quietHours: null, createdAt: time, updatedAt: time }
  const end = { items: [], nextCursor: null }
  return {
    directory: {
      find: async () => null,
      put: async (_tenantId, entries) => entries.map((entry) => ({ ...record, ...entry })),
      prefer: async ({ userId }, changes) => ({
        ...record,
        userId,
        email: null,
        phone: null,
        devices: [],
        ...changes,
      }),
    },
    preferences: {
      list: async () => [],
      put: async (_user, rules) => rules.map((rule) => ({ ...rule, updatedAt: time })),
      remove: async () => 0,
      unsubscribe: async () => 'done',
    },
    blocklist: {
      add: async ({ userId }, reason, createdBy) => ({ userId, reason, createdBy, createdAt: time }),
      remove: async () => false,
      list: async () => end,
    },
    suppressions: {
      add: async ({ channel, address }, reason, note) => ({
        channel,
        address,
        reason,
        note,
        createdAt: time,
      }),
      remove: async () => false,
      list: async () => end,
    },
  }
}

/** Nothing ended badly: their tests use the real ones. */
function noDeadLetters(): Pick<MemoryPorts, 'deadLetters' | 'redriving'> {
  const none = async (): Promise<never> => {
    throw new Failure('not_found', 'there is no such dead letter')
  }
  return {
    deadLetters: {
      list: async () => ({ items: [], nextCursor: null }),
      remaining: async () => 0,
      findNotification: async () => null,
      records: async () => [],
      settle: async () => undefined,
      remove: async () => false,
      redrive: async function* () {},
    },
    redriving: {
      notification: none,
      event: none,
      matching: async () => ({ redriven: 0, refused: {}, remaining: 0, nextCursor: null }),
    },
  }
}

/** Takes no schedule and has none: their tests use the real ones. */
function noEndpoints(): WebhookEndpoints {
  const none = async (): Promise<null> => null
  return {
    create: async () => {
      throw new Failure('conflict', 'there is no registry here')
    },
    find: none,
    list: async () => ({ items: [], nextCursor: null }),
    change: none,
    remove: async () => false,
    rotate: none,
  }
}

function noSchedules(): Schedules {
  return {
    create: async () => {
      throw new Failure('conflict', 'there is no room for a schedule')
    },
    list: async () => ({ items: [], nextCursor: null }),
    find: async () => null,
    replace: async () => null,
    remove: async () => false,
    pause: async () => null,
    resume: async () => null,
    runNow: async () => null,
    runs: async () => null,
  }
}
