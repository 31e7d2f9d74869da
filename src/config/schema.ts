import { type Static, Type } from 'typebox'
import { CHANNELS, type Channel } from '../model/notification.js'
import type { Group } from '../model/recipient.js'
import { emailSchema } from './channels/email.js'
import { pushSchema } from './channels/push.js'
import { smsSchema } from './channels/sms.js'
import { webhookSchema } from './channels/webhook.js'
import { websocketSchema } from './channels/websocket.js'
import { LONGEST_DURATION_MS } from './duration.js'
import { eventsSchema } from './events.js'
import { grpcSchema } from './grpc.js'
import { kafkaSchema } from './kafka.js'
import { tracingSchema } from './tracing.js'
import {
  Count,
  Duration,
  Flag,
  Formatted,
  List,
  ListOf,
  OneOf,
  OptionalText,
  Port,
  Size,
  section,
  Text,
} from './values.js'

const KB = 1_024
const MB = 1_048_576
const SECOND = 1_000
const HOUR = 3_600_000

const PerHour = Type.Optional(Count(1, 1_000_000))
const channelLimits = {
  email: PerHour,
  sms: PerHour,
  websocket: PerHour,
  webhook: PerHour,
  in_app: PerHour,
  push: PerHour,
} satisfies Record<Channel, unknown>

/** As ISO 8601 counts them, from 1. */
export const WEEKDAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const

const server = section({
  host: Text,
  http_port: Port,
  public_url: Type.Optional(Formatted('base-url')),
  workers: Count(1, 256),
  body_limit: Size(KB, 64 * MB),
  batch_body_limit: Size(KB, 64 * MB),
  request_timeout: Duration(SECOND, HOUR),
  shutdown_timeout: Duration(SECOND, HOUR),
})

const database = section({
  url: Type.Optional(Formatted('postgres-url')),
  host: OptionalText,
  port: Port,
  name: Text,
  user: OptionalText,
  password: OptionalText,
  pool_size: Count(2, 1_000),
  statement_timeout: Duration(100, HOUR),
})

const redis = section({
  url: Type.Optional(Formatted('redis-url')),
  address: Type.Optional(Formatted('host-and-port')),
  db: Count(0, 1_000_000),
  username: OptionalText,
  password: OptionalText,
  prefix: Type.String({ pattern: '^[A-Za-z0-9_.-]+$' }),
})

/** The configuration file, once its variables are replaced and its texts are read. */
export const SettingsSchema = section({
  server,
  grpc: grpcSchema,
  data_dir: Text,
  auth: section({
    jwt_secret: OptionalText,
    jwks_url: Type.Optional(Formatted('web-url')),
    allowed_origins: List('web-origin'),
  }),
  api_rate_limit: section({
    user_per_minute: Count(0, 10_000_000),
    sender_per_minute: Count(0, 10_000_000),
  }),
  database,
  redis,
  intake: section({
    batch_size: Count(1, 5_000),
    in_flight: Count(1, 64),
    waiting: Count(1, 1_000_000),
  }),
  channels: section({
    email: emailSchema,
    sms: smsSchema,
    websocket: websocketSchema,
    webhook: webhookSchema,
    in_app: section({ enabled: Flag }),
    push: pushSchema,
  }),
  kafka: kafkaSchema,
  events: eventsSchema,
  breaker: section({
    failure_rate: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
    window: Duration(SECOND, HOUR),
    minimum_calls: Count(1, 1_000_000),
    half_open_after: Duration(100, HOUR),
  }),
  queue: section({
    priority: section({ max_size: Count(1, 100_000_000) }),
    delay: section({
      scan_interval: Duration(1, 60 * SECOND),
      horizon: Duration(60 * SECOND, 24 * HOUR),
    }),
    lease: Duration(SECOND, 24 * HOUR),
    sweep_interval: Duration(50, HOUR),
    sweep_grace: Duration(0, HOUR),
  }),
  templates: section({
    max_output: Size(KB, 2 * MB),
    timeout: Duration(1, 10 * SECOND),
    hard_timeout: Duration(100, 60 * SECOND),
    waiting: Count(1, 1_000_000),
    currency: Formatted('currency'),
    timezone: Type.Optional(Formatted('time-zone')),
    default_locale: Formatted('locale'),
    auto_approve: Type.Optional(Flag),
  }),
  unsubscribe: section({ secret: OptionalText }),
  consent: section({
    opt_in_types: List(),
    groups: section({ system: List(), activity: List(), billing: List(), marketing: List() } satisfies Record<
      Group,
      unknown
    >),
  }),
  recipients: section({ cache_size: Count(1, 10_000_000) }),
  rate_limit: section({
    enabled: Flag,
    max_per_user_per_hour: Count(1, 1_000_000),
    max_per_user_per_day: Count(1, 10_000_000),
    per_channel_per_hour: Type.Optional(section(channelLimits)),
  }),
  digests: section({ daily_at: Formatted('time-of-day'), weekly_on: OneOf(WEEKDAYS) }),
  schedules: section({ missed_after: Duration(SECOND, 24 * HOUR) }),
  quiet_hours: section({
    enabled: Flag,
    start: Formatted('time-of-day'),
    end: Formatted('time-of-day'),
    timezone: Formatted('time-zone'),
    channels: ListOf(CHANNELS),
    spread: Duration(0, HOUR),
  }),
  idempotency: section({ ttl: Duration(60 * SECOND, LONGEST_DURATION_MS) }),
  retention: section({
    days: Count(1, 36_500),
    interval: Duration(SECOND, LONGEST_DURATION_MS),
  }),
  tracing: tracingSchema,
  log: section({ level: OneOf(['debug', 'info', 'warn', 'error', 'fatal', 'silent']) }),
})

export type Settings = Static<typeof SettingsSchema>
