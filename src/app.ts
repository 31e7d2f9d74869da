import type { AddressInfo } from 'node:net'
import { createAuthenticator } from './api/auth/authenticator.js'
import { retire } from './api/http/retiring.js'
import { buildServer } from './api/server.js'
import { createSending } from './api/use-cases/sending.js'
import { openChannels } from './app/channels.js'
import { type Database, openDatabase } from './app/database.js'
import { openDeadLetters } from './app/dead-letters.js'
import { openEmailStores } from './app/email.js'
import { handleEvents } from './app/events.js'
import { openGrpc } from './app/grpc.js'
import { openIndexStore } from './app/index-store.js'
import { openKafka } from './app/kafka.js'
import { openMissed } from './app/missed.js'
import { notifications } from './app/notifications.js'
import { openChannelsOf, streamOptions } from './app/options.js'
import { openRecipients } from './app/recipients.js'
import { runStreams } from './app/run-streams.js'
import { runSchedules } from './app/schedules.js'
import { shutDown } from './app/shut-down.js'
import { openTexts } from './app/texts.js'
import { upkeep } from './app/upkeep.js'
import { openWebhookEndpoints } from './app/webhook-endpoints.js'
import type { Config } from './config/config.js'
import type { Secrets } from './config/secrets.js'
import { VERSION } from './config/version.js'
import { Failure } from './model/failure.js'
import { jobId, scheduleId } from './model/id.js'
import type { Channel, Notification } from './model/notification.js'
import { UnsubscribeLinks } from './model/unsubscribe-links.js'
import { InAppInbox } from './sinks/in-app/inbox.js'
import { TenantBroadcaster, UserEvents } from './sinks/websocket/announcements.js'
import { Gateway } from './sinks/websocket/gateway.js'
import { Intake } from './sources/intake.js'
import { Archive } from './state/postgres/archive.js'
import { PostgresDigests } from './state/postgres/digests.js'
import { PostgresJobs } from './state/postgres/jobs.js'
import { PostgresLedger } from './state/postgres/ledger.js'
import { ReadState } from './state/postgres/read-state.js'
import { PostgresSchedules } from './state/postgres/schedules.js'
import { PostgresSendCounts } from './state/postgres/send-counts.js'
import { PostgresStats } from './state/postgres/stats.js'
import { WatchedQueue } from './state/watched-queue.js'
import type { Telemetry } from './telemetry/telemetry.js'

export interface App {
  /** Where HTTP and WebSocket listen, such as `http://127.0.0.1:9005`. */
  readonly url: string
  /** Where gRPC listens; null: it is switched off. */
  readonly grpcUrl: string | null
  /** Leaves the port to other processes that listen on it. What it has is still served; to be closed soon. */
  retire(): void
  /** Stops in order, within the configured time. */
  close(): Promise<void>
}

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
  const database = await openDatabase(config, telemetry.log, onFatal)
  try {
    return await assemble(config, secrets, telemetry, onFatal, database)
  } catch (error) {
    await database.close()
    throw error
  }
}

async function assemble(
  config: Config,
  secrets: Secrets,
  telemetry: Telemetry,
  onFatal: (error: unknown) => void,
  database: Database,
): Promise<App> {
  const { log } = telemetry
  const { store, reading, clock } = database
  const index = await openIndexStore(config, log)
  const { counters, pacer, relay, unread } = index
  const queue = new WatchedQueue(index.queue)
  const keeping = upkeep(config, database, queue, index.sweepTurns, telemetry)
  const people = openRecipients(config, database)
  const mail = openEmailStores(config, database)
  const hooks = openWebhookEndpoints(config, secrets, database, people, log)
  const texts = openTexts(config, database, telemetry)
  /** Known once it listens, and remembered: what is sent last is sent when it does so no more. */
  let url = ''
  const unsubscribeLinks = new UnsubscribeLinks({
    secret: secrets.unsubscribe,
    publicUrl: () => config.server.publicUrl ?? url,
    groups: config.consent.groups,
  })
  const inbox = new InAppInbox(new ReadState(store), unread, new UserEvents(relay, clock, log), log)
  const { sinks, hub } = openChannels(
    config,
    secrets,
    unsubscribeLinks,
    {
      sockets: { relay, clock, presence: index.presence, missed: openMissed(reading, inbox) },
      webhookEndpoints: hooks.watched,
      emailStores: { ...mail, ...people },
      devices: people.devices,
    },
    telemetry,
  )

  const intake = new Intake(clock, telemetry.tracing)
  const ports = {
    clock,
    ledger: new PostgresLedger(store, { keyTtlMs: config.idempotency.ttlMs }),
    digests: new PostgresDigests(store),
    recipients: people.recipients,
    queue,
    counters,
    pacer,
    endpoints: hooks.endpoints,
    channelCounters: new PostgresSendCounts(store),
    inbox,
    templates: texts.templates,
    renderer: texts.rendering,
    unsubscribeUrl: (notification: Notification) => unsubscribeLinks.linkFor(notification),
    sinks: sinks.byChannel,
  }
  const sources = { intake, scanIntervalMs: config.queue.scanIntervalMs }

  let open = false
  let closing = false
  const admission = (channel: Channel, tenantId: string) =>
    open && !closing ? keeping.backlog.refusal(channel, tenantId) : away(closing)
  const rules = {
    channels: openChannelsOf(config),
    checks: sinks.addressChecks,
    spelled: sinks.spelled,
    maxAttachmentBytes: config.channels.email.maxAttachmentBytes,
    clock,
  }
  const jobs = new PostgresJobs(store, {
    newId: () => jobId(clock.now()),
    keyTtlMs: config.idempotency.ttlMs,
  })
  const sending = createSending({ intake, jobs, ...mail, rules, admission, log })
  const events = handleEvents(config, sending, telemetry)
  const dead = openDeadLetters(database, queue, events, telemetry)
  const kafka = openKafka(config, events, dead.deadLetters, telemetry)
  const authenticator = createAuthenticator({ secret: secrets.jwt, jwksUrl: config.auth.jwksUrl })
  /** What HTTP and gRPC have in common. */
  const shared = {
    sending,
    notifications: notifications(new Archive(reading), inbox, queue, log),
    authenticator,
    callerCounters: index.callerCounters,
    dependencies: [
      { name: 'postgres', required: true, check: reached(database.ping) },
      ...(index.ping === null ? [] : [{ name: 'redis', required: false, check: reached(index.ping) }]),
      ...kafka.dependencies,
    ],
    telemetry,
  }
  const server = buildServer({
    ...shared,
    ...dead,
    jobs,
    stats: new PostgresStats(reading),
    ...people,
    ...mail,
    webhookEndpoints: hooks.webhookEndpoints,
    schedules: new PostgresSchedules(store, { newId: () => scheduleId(clock.now()) }),
    templates: texts.library,
    inspector: texts.rendering,
    templateLocale: config.templates.defaultLocale,
    renderer: texts.rendering,
    unsubscribeLinks,
    broadcaster: new TenantBroadcaster(relay, clock),
    presence: index.presence,
    rules,
    groups: config.consent.groups,
    quietHours: config.quietHours,
    requestLimits: config.server,
    limits: config.apiRateLimit,
    admission,
    isShuttingDown: () => closing,
    version: VERSION,
  })
  const grpc = await openGrpc(config, { ...shared, isShuttingDown: () => closing || !open })
  const gateway = new Gateway(hub, authenticator, telemetry, { origins: config.auth.allowedOrigins })
  const detach = gateway.attach(server.server)

  // Where others listen on the port, they take what this one would refuse until it is open.
  const sharesPort = config.server.workers > 1
  if (sharesPort) await keeping.start()
  // Whoever cannot have the ports must not have begun to deliver: it would end without recording.
  const grpcUrl = await grpc.listen()
  await server.listen({ host: config.server.host, port: config.server.port })
  url = urlOf(server.server.address(), config.server.host)
  const streams = runStreams(sources, ports, streamOptions(config), telemetry, onFatal)
  if (!sharesPort) await keeping.start()
  // At a stop they are the first to end, and what they have begun is still taken.
  const firing = {
    intake,
    jobs,
    rules,
    admission: (channel: Channel, tenantId: string) => keeping.backlog.refusal(channel, tenantId),
    log,
  }
  const schedules = runSchedules(config, store, firing, telemetry)
  open = true
  kafka.start()
  await grpc.announce()

  return {
    url,
    grpcUrl,
    retire: () => retire(server.server),
    close: async () => {
      closing = true
      detach()
      const { rendering } = texts
      const parts = {
        server,
        grpc,
        kafka,
        schedules,
        intake,
        streams,
        hub,
        upkeep: keeping,
        rendering,
        // What the last deliveries told of their receivers is written, too.
        sinks: { close: () => sinks.close().then(() => hooks.close()) },
        index,
        database,
      }
      await shutDown(parts, config.server.shutdownTimeoutMs, log)
    },
  }
}

const away = (closing: boolean): Failure =>
  new Failure('shutting_down', `this instance is ${closing ? 'stopping' : 'starting'}`, {
    retryAfterMs: 1_000,
  })

const reached = (ping: () => Promise<void>) => async (): Promise<boolean> => {
  await ping()
  return true
}

function urlOf(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
