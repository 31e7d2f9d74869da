import { setMaxListeners } from 'node:events'
import tap, { type Test } from 'tap'
import { byQueuedChannel, type Channel, type NotificationRequest } from '../../src/model/notification.js'
import { type Recipient, type SuppressionReason, UNKNOWN } from '../../src/model/recipient.js'
import { createRendering, type Rendering } from '../../src/rendering/rendering.js'
import { dueNotifications } from '../../src/sources/delay.js'
import { Intake } from '../../src/sources/intake.js'
import { MemoryPacer } from '../../src/state/memory/pacer.js'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { MemoryRateCounters } from '../../src/state/memory/rate-counters.js'
import { ALWAYS_OURS } from '../../src/state/memory/sweep-turns.js'
import { PostgresDigests } from '../../src/state/postgres/digests.js'
import { PostgresLedger } from '../../src/state/postgres/ledger.js'
import { migrate } from '../../src/state/postgres/migrate.js'
import { Recovery } from '../../src/state/postgres/recovery.js'
import { PostgresSendCounts } from '../../src/state/postgres/send-counts.js'
import { Store } from '../../src/state/postgres/store.js'
import { Sweeper } from '../../src/state/sweeper.js'
import { acceptance, deliveries, type StreamOptions } from '../../src/streams/notifications.js'
import type { Addressee, Sink, Templates } from '../../src/streams/ports.js'
import { NO_TRACING, type Tracing } from '../../src/telemetry/tracing.js'
import { aNotification } from './notification.js'
import { silentLog, type TestDatabase, testDatabase } from './postgres.js'
import { recordedTelemetry } from './telemetry.js'

const ADDRESSES = { email: 'ada@example.org', webhook_url: 'https://hooks.example.org/' }
const RENDERING = {
  maxOutput: 10_000,
  timeoutMs: 100,
  hardTimeoutMs: 500,
  maxWaiting: 5_000,
  currency: 'CNY',
  locale: 'zh',
  timezone: 'UTC',
}
export const POLICY = {
  timeoutMs: 1_000,
  tries: 1,
  slots: 50,
  retry: { delaysMs: [20, 20, 20], jitter: 0 },
  fallbackFor: (): Channel | null => null,
}
export const OPTIONS: StreamOptions = {
  intake: { size: 500, inFlight: 2, waiting: 10_000 },
  consent: { groups: new Map(), optIn: new Set(['marketing']) },
  digests: { hours: { dailyAt: 9 * 60, weeklyOn: 1 }, timezone: 'UTC' },
  quietHours: { windows: [], timezone: 'UTC', channels: ['email'], spreadMs: 0 },
  rateLimits: { perHour: 5, perDay: 10 },
  channelLimits: new Map(),
  horizonMs: 3_600_000,
  leaseMs: 60_000,
  breaker: { failureRate: 0.5, windowMs: 1_000, minimumCalls: 1_000, halfOpenAfterMs: 1_000 },
  paces: new Map(),
  channels: byQueuedChannel(() => POLICY),
}
const SWEEPING = { intervalMs: 50, graceMs: 100, horizonMs: 3_600_000 }

let rendering: Promise<Rendering> | null = null

/** One for the whole process, whose thread has loaded its program: that takes seconds under the test runner. */
function sharedRendering(): Promise<Rendering> {
  rendering ??= (async () => {
    const started = createRendering(RENDERING, recordedTelemetry())
    tap.teardown(() => started.close())
    const job = { tenantId: 'acme', title: '{{ a }}', content: '', html: false, locale: null, timezone: null }
    await started.render([{ ...job, variables: { a: 1 } }])
    return started
  })()
  return rendering
}

/** What stands around the streams in a test. */
export interface Surroundings {
  readonly options?: Partial<StreamOptions>
  /** Who is known; asked for each batch. By default nobody. */
  readonly recipient?: (userId: string) => Recipient
  /** Why nothing goes to an address; by default all are good. */
  readonly suppression?: (addressee: Addressee) => SuppressionReason | null
  readonly templates?: Templates['find']
  /** By default nothing is recorded. */
  readonly tracing?: Tracing
  /** The database of another instance. By default one of its own. */
  readonly database?: TestDatabase
}

/** The two streams over a real ledger; `send` stands for the provider. */
export async function runningStreams(
  t: Test,
  send: Sink['send'],
  {
    options,
    recipient = () => UNKNOWN,
    suppression = () => null,
    templates,
    tracing = NO_TRACING,
    database: shared,
  }: Surroundings = {},
) {
  const database = shared ?? (await testDatabase(t))
  const { connection, pool } = database
  await migrate(connection, silentLog())
  const store = new Store(pool)
  const ledger = new PostgresLedger(store, { keyTtlMs: 60_000 })
  const queue = new MemoryQueue()
  const clock = { now: () => Date.now() }
  const telemetry = { ...recordedTelemetry(), tracing }
  const announced: string[] = []
  const sink: Sink = { target: () => null, send }
  const ports = {
    clock,
    ledger,
    queue,
    counters: new MemoryRateCounters(),
    inbox: {
      announce: async (some: readonly { id: string }[]) => void announced.push(...some.map(({ id }) => id)),
    },
    pacer: new MemoryPacer(),
    endpoints: { urls: async (keys: readonly unknown[]) => keys.map(() => null) },
    channelCounters: new PostgresSendCounts(store),
    digests: new PostgresDigests(store),
    recipients: {
      find: async (some: readonly Addressee[]) =>
        some.map((one) => ({ recipient: recipient(one.userId), suppression: suppression(one) })),
    },
    templates: { find: templates ?? (async (keys: readonly unknown[]) => keys.map(() => null)) },
    renderer: await sharedRendering(),
    unsubscribeUrl: () => null,
    sinks: byQueuedChannel(() => sink),
  }
  const intake = new Intake(clock, telemetry.tracing)
  const stop = new AbortController()
  const scanner = { intervalMs: 5, inFlight: 100, stop: stop.signal }
  const sources = [intake.envelopes$, dueNotifications(scanner, { queue, ledger, clock, ...telemetry })]
  const all = { ...OPTIONS, ...options }
  const cutOff = new AbortController()
  setMaxListeners(0, cutOff.signal)
  const ends = { stop: stop.signal, cutOff: cutOff.signal, pause: () => Promise.resolve() }
  const subscriptions = [
    acceptance(sources, ports, all, telemetry).subscribe(),
    deliveries(ports, all, ends, telemetry).subscribe(),
  ]
  const sweeper = new Sweeper(
    { recovery: new Recovery(store), queue, turns: ALWAYS_OURS, clock },
    SWEEPING,
    telemetry,
  )
  await sweeper.start()
  t.teardown(async () => {
    stop.abort()
    intake.close()
    await sweeper.stop()
    await Promise.all(subscriptions.map((s) => new Promise<void>((resolve) => s.add(resolve))))
  })
  const submit = (changes: Partial<NotificationRequest> = {}) =>
    intake.submit(aNotification({ metadata: ADDRESSES, ...changes }), null)
  const row = async (id: string) =>
    (await pool.query('SELECT * FROM notifications WHERE id = $1', [id])).rows[0]
  const ended = async (id: string, status: string) => {
    for (;;) {
      const found = await row(id)
      if (found.status === status) return found
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  /** The first row of a query, once there is one. */
  const waitFor = async (query: string) => {
    for (;;) {
      const { rows } = await pool.query(query)
      if (rows[0] !== undefined) return rows[0]
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  // A row says that something ended a moment before anybody is told of it.
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached()) await new Promise((resolve) => setImmediate(resolve))
  }
  const told = (id: string): Promise<void> => until(() => announced.includes(id))
  const { digests } = ports
  return {
    intake,
    renderer: ports.renderer,
    submit,
    row,
    ended,
    waitFor,
    digests,
    told,
    until,
    database,
    pool,
    queue,
    telemetry,
    announced,
    ledger,
    sweeper,
  }
}
