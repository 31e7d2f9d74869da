import { resolve } from 'node:path'
import { CHANNELS } from '../model/notification.js'
import { emailOf } from './channels/email.js'
import { pushOf } from './channels/push.js'
import { smsOf } from './channels/sms.js'
import { webhookOf } from './channels/webhook.js'
import { websocketOf } from './channels/websocket.js'
import { eventsOf } from './events.js'
import { type Frozen, freeze } from './frozen.js'
import { groupsByType } from './groups.js'
import { grpcOf } from './grpc.js'
import { kafkaOf } from './kafka.js'
import { type Settings, WEEKDAYS } from './schema.js'
import { databaseOf, redisOf } from './stores.js'
import { tracingOf } from './tracing.js'

/** The configuration as the code uses it: frozen, times in milliseconds, sizes in bytes, `null` for what is not set. */
export type Config = Frozen<ReturnType<typeof shaped>>

export function toConfig(settings: Settings): Config {
  const config = shaped(settings)
  freeze(config)
  return config
}

function shaped(settings: Settings) {
  const { server, auth, api_rate_limit, intake, breaker, queue, templates, quiet_hours } = settings
  const dataDir = resolve(settings.data_dir)
  return {
    dataDir,
    server: {
      host: server.host,
      /** 0: any free port. */
      port: server.http_port,
      /** Without a slash at the end. Null: where the server listens. */
      publicUrl: server.public_url ? baseUrl(server.public_url) : null,
      /** Processes behind the port. */
      workers: server.workers,
      bodyLimitBytes: server.body_limit,
      batchBodyLimitBytes: server.batch_body_limit,
      requestTimeoutMs: server.request_timeout,
      shutdownTimeoutMs: server.shutdown_timeout,
    },
    grpc: grpcOf(settings.grpc),
    auth: {
      /** Null: one is generated and kept in the data directory. */
      jwtSecret: auth.jwt_secret ?? null,
      jwksUrl: auth.jwks_url ?? null,
      /** Empty: any. */
      allowedOrigins: auth.allowed_origins ?? [],
    },
    /** 0: no limit. */
    apiRateLimit: {
      userPerMinute: api_rate_limit.user_per_minute,
      senderPerMinute: api_rate_limit.sender_per_minute,
    },
    database: databaseOf(settings.database),
    /** Null: queues and counters in this process. */
    redis: redisOf(settings.redis),
    intake: { batchSize: intake.batch_size, inFlight: intake.in_flight, waiting: intake.waiting },
    channels: channelsOf(settings.channels, dataDir),
    kafka: kafkaOf(settings.kafka),
    events: eventsOf(settings.events),
    breaker: {
      failureRate: breaker.failure_rate,
      windowMs: breaker.window,
      minimumCalls: breaker.minimum_calls,
      halfOpenAfterMs: breaker.half_open_after,
    },
    queue: {
      /** Most that may be ready before new requests are refused. */
      maxReady: queue.priority.max_size,
      scanIntervalMs: queue.delay.scan_interval,
      /** What falls due later than this from now waits in the database only. */
      horizonMs: queue.delay.horizon,
      leaseMs: queue.lease,
      sweepIntervalMs: queue.sweep_interval,
      sweepGraceMs: queue.sweep_grace,
    },
    templates: {
      maxOutput: templates.max_output,
      timeoutMs: templates.timeout,
      hardTimeoutMs: templates.hard_timeout,
      maxWaiting: templates.waiting,
      currency: templates.currency,
      locale: localeOf(templates.default_locale),
      timezone: templates.timezone ?? quiet_hours.timezone,
      /** Of the texts of a template that does not say in which language they are. */
      defaultLocale: localeOf(templates.default_locale),
      /** Where the database is our own, nobody else is there to approve. */
      autoApprove: templates.auto_approve ?? databaseOf(settings.database).kind === 'embedded',
    },
    /** Null: one is generated and kept in the data directory. */
    unsubscribe: { secret: settings.unsubscribe.secret ?? null },
    consent: {
      /** Types and groups. */
      optInTypes: settings.consent.opt_in_types ?? [],
      /** Of types whose name does not tell it. */
      groups: groupsByType(settings.consent.groups),
    },
    /** How many recipients are remembered, and how many addresses. */
    recipients: { cacheSize: settings.recipients.cache_size },
    /** Of each recipient; null: no limit. */
    rateLimit: settings.rate_limit.enabled
      ? {
          perHour: settings.rate_limit.max_per_user_per_hour,
          perDay: settings.rate_limit.max_per_user_per_day,
        }
      : null,
    /** Of single channels, for each recipient and hour. */
    channelLimits: CHANNELS.flatMap((channel) => {
      const perHour = settings.rate_limit.per_channel_per_hour?.[channel]
      return perHour === undefined ? [] : [{ channel, perHour }]
    }),
    digests: {
      /** Minutes after midnight, local time. */
      dailyAt: minutes(settings.digests.daily_at),
      /** 1 is Monday. */
      weeklyOn: WEEKDAYS.indexOf(settings.digests.weekly_on) + 1,
    },
    schedules: { missedAfterMs: settings.schedules.missed_after },
    quietHours: {
      /** Of recipients who have none of their own. */
      windows: quiet_hours.enabled
        ? [{ start: minutes(quiet_hours.start), end: minutes(quiet_hours.end) }]
        : [],
      /** Of recipients whose zone is not known. */
      timezone: quiet_hours.timezone,
      channels: quiet_hours.channels ?? [],
      spreadMs: quiet_hours.spread,
    },
    idempotency: { ttlMs: settings.idempotency.ttl },
    retention: { days: settings.retention.days, intervalMs: settings.retention.interval },
    /** Null: nothing is recorded. */
    tracing: tracingOf(settings.tracing),
    log: { level: settings.log.level },
  }
}

function channelsOf({ email, sms, websocket, webhook, in_app, push }: Settings['channels'], dataDir: string) {
  return {
    email: emailOf(email, dataDir),
    sms: smsOf(sms),
    websocket: websocketOf(websocket),
    webhook: webhookOf(webhook),
    inApp: { enabled: in_app.enabled },
    push: pushOf(push),
  }
}

function baseUrl(text: string): string {
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname}`.replace(/\/+$/, '')
}

/** As it is usually spelt. */
const localeOf = (tag: string): string => Intl.getCanonicalLocales(tag)[0] ?? tag

/** Minutes after midnight. */
function minutes(timeOfDay: string): number {
  const [hour, minute] = timeOfDay.split(':').map(Number)
  return (hour ?? 0) * 60 + (minute ?? 0)
}
