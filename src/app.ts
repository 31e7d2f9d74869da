import type { AddressInfo } from 'node:net'
import { createAuthenticator } from './api/auth/authenticator.js'
import { buildServer } from './api/server.js'
import { openDatabase } from './app/database.js'
import { openIndexStore } from './app/index-store.js'
import { enabledChannels, streamOptions } from './app/options.js'
import { runStreams } from './app/run-streams.js'
import { shutDown } from './app/shut-down.js'
import type { Config } from './config/config.js'
import type { Secrets } from './config/secrets.js'
import { VERSION } from './config/version.js'
import { Failure } from './model/failure.js'
import { jobId } from './model/id.js'
import { InAppInbox } from './sinks/in-app/inbox.js'
import { openSinks } from './sinks/index.js'
import { TenantBroadcaster, UserEvents } from './sinks/websocket/announcements.js'
import { Gateway } from './sinks/websocket/gateway.js'
import { Hub } from './sinks/websocket/hub.js'
import { Intake } from './sources/intake.js'
import { Backlog } from './state/backlog.js'
import { Archive } from './state/postgres/archive.js'
import { PostgresJobs } from './state/postgres/jobs.js'
import { PostgresLedger } from './state/postgres/ledger.js'
import { PostgresPersonalData } from './state/postgres/personal-data.js'
import { ReadState } from './state/postgres/read-state.js'
import { Recovery } from './state/postgres/recovery.js'
import { Retention } from './state/postgres/retention.js'
import { PostgresStats } from './state/postgres/stats.js'
import { Sweeper } from './state/sweeper.js'
import { WatchedQueue } from './state/watched-queue.js'
import { createRenderer } from './streams/liquid.js'
import type { Telemetry } from './telemetry/telemetry.js'

export interface App {
  /** Where HTTP and WebSocket listen, such as `http://127.0.0.1:9005`. */
  readonly url: string
  /** Stops in order, within the configured time. */
  close(): Promise<void>
}

const DAY_MS = 86_400_000

/**
 * The composition root: opens the stores, joins the streams between them, opens the doors.
 * @param onFatal called when the process can do nothing more and has to end
 */
export async function startApp(
  config: Config,
  secrets: Secrets,
  telemetry: Telemetry,
  onFatal: (error: unknown) => void,
): Promise<App> {
  const { log } = telemetry
  const database = await openDatabase(config, log, onFatal)
  const { store, clock } = database
  const index = await openIndexStore(config, log)
  const { counters, relay, unread } = index
  const queue = new WatchedQueue(index.queue)

  const ledger = new PostgresLedger(store, { keyTtlMs: config.idempotency.ttlMs })
  const recovery = new Recovery(store)
  const archive = new Archive(store)
  const sweeper = new Sweeper(
    { recovery, queue, clock },
    {
      intervalMs: config.queue.sweepIntervalMs,
      graceMs: config.queue.sweepGraceMs,
      horizonMs: config.queue.horizonMs,
    },
    telemetry,
  )
  queue.onMissed(() => sweeper.suspect())
  const backlog = new Backlog({ queue, recovery, clock }, { maxReady: config.queue.maxReady }, telemetry)
  const retention = new Retention(
    store,
    clock,
    {
      keepMs: config.retention.days * DAY_MS,
      keyTtlMs: config.idempotency.ttlMs,
      intervalMs: config.retention.intervalMs,
    },
    log,
  )

  const { email, websocket, webhook } = config.channels
  const hub = new Hub(relay, telemetry, {
    maxConnections: websocket.maxConnections,
    pingMs: websocket.pingMs,
    idleMs: websocket.idleMs,
    outboxMessages: websocket.bufferMessages,
    outboxBytes: websocket.bufferBytes,
  })
  const sinks = openSinks({
    email: {
      from: email.from,
      timeouts: {
        connectMs: email.delivery.timeoutMs,
        greetingMs: email.delivery.timeoutMs,
        socketMs: email.delivery.timeoutMs,
      },
      transport: email.transport,
      log,
    },
    webhook: {
      timeoutMs: webhook.delivery.timeoutMs,
      secret: secrets.webhook,
      allowlist: webhook.allowlist,
      allowPrivate: webhook.allowPrivate,
      maxResponseBytes: webhook.maxResponseBytes,
      maxConnectionsPerOrigin: webhook.delivery.slots,
      version: VERSION,
    },
    relay,
    clock,
  })
  const inbox = new InAppInbox(new ReadState(store), unread, new UserEvents(relay, clock, log), log)

  const intake = new Intake(clock)
  const streams = runStreams(
    { intake, scanIntervalMs: config.queue.scanIntervalMs },
    {
      clock,
      ledger,
      queue,
      counters,
      inbox,
      renderer: createRenderer({
        maxOutput: config.templates.maxOutput,
        timeoutMs: config.templates.timeoutMs,
      }),
      sinks: sinks.byChannel,
    },
    streamOptions(config),
    telemetry,
    onFatal,
  )

  let closing = false
  const authenticator = createAuthenticator({ secret: secrets.jwt, jwksUrl: config.auth.jwksUrl })
  const server = buildServer({
    intake,
    notifications: {
      find: (tenantId, id) => archive.find(tenantId, id),
      attempts: (id) => archive.attempts(id),
      list: (query) => archive.list(query),
      cancel: (tenantId, id) => archive.cancel(tenantId, id),
      reschedule: async (tenantId, id, scheduledAt) => {
        const record = await archive.reschedule(tenantId, id, scheduledAt)
        if (record?.dueAt != null)
          await queue.delay([{ id, dueAt: record.dueAt }]).catch(logged('queue.unavailable'))
        return record
      },
      change: (user, id, change) => inbox.change(user, id, change),
      readAll: (user) => inbox.readAll(user),
      unreadCount: (user) => inbox.unreadCount(user),
    },
    jobs: new PostgresJobs(store, () => jobId(clock.now())),
    stats: new PostgresStats(store),
    personalData: new PostgresPersonalData(store),
    broadcaster: new TenantBroadcaster(relay, clock),
    authenticator,
    dependencies: [
      { name: 'postgres', required: true, check: reachable(database.ping) },
      ...(index.ping === null ? [] : [{ name: 'redis', required: false, check: reachable(index.ping) }]),
    ],
    telemetry,
    rules: { channels: enabledChannels(config), checks: sinks.addressChecks, clock },
    limits: config.apiRateLimit,
    admission: () =>
      closing
        ? new Failure('shutting_down', 'this instance is stopping', { retryAfterMs: 1_000 })
        : backlog.refusal(),
    isShuttingDown: () => closing,
    version: VERSION,
  })
  const detach = new Gateway(hub, authenticator, telemetry, { origins: config.auth.allowedOrigins }).attach(
    server.server,
  )

  await sweeper.start()
  backlog.start()
  retention.start()
  await server.listen({ host: config.server.host, port: config.server.port })

  return {
    url: urlOf(server.server.address(), config.server.host),
    close: async () => {
      closing = true
      detach()
      await shutDown(
        { server, intake, streams, hub, sweeper, backlog, retention, sinks, index, database },
        config.server.shutdownTimeoutMs,
        log,
      )
    },
  }

  function logged(event: 'queue.unavailable'): (err: unknown) => void {
    return (err) => log.event(event, { err })
  }
}

const reachable = (ping: () => Promise<void>) => async (): Promise<boolean> => {
  await ping()
  return true
}

function urlOf(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
