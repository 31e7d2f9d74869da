import type { Config } from '../config/config.js'
import {
  byQueuedChannel,
  CHANNELS,
  type Channel,
  QUEUED_CHANNELS,
  type QueuedChannel,
} from '../model/notification.js'
import type { StreamOptions } from '../streams/notifications.js'

/** The configuration, as the streams want it. */
export function streamOptions(config: Config): StreamOptions {
  const { intake, consent, quietHours, rateLimit, queue, breaker, channels } = config
  return {
    intake: { size: intake.batchSize, inFlight: intake.inFlight, waiting: intake.waiting },
    consent: { groups: consent.groups, optIn: new Set(consent.optInTypes) },
    quietHours,
    digests: { hours: config.digests, timezone: quietHours.timezone },
    rateLimits: rateLimit,
    channelLimits: new Map(config.channelLimits.map(({ channel, perHour }) => [channel, perHour])),
    horizonMs: queue.horizonMs,
    leaseMs: queue.leaseMs,
    breaker,
    paces: new Map(
      channels.webhook.perUrlPerMinute === 0 ? [] : [['webhook', channels.webhook.perUrlPerMinute]],
    ),
    channels: byQueuedChannel((channel) => ({
      ...channels[channel].delivery,
      retry: channels[channel].retry,
      fallbackFor: (tenantId) => fallbackFor(channel, tenantId, channels),
    })),
  }
}

type Channels = Config['channels']

/** Whether a channel is switched on, and open to a tenant. */
function isOpen(channel: Channel, tenantId: string, channels: Channels): boolean {
  if (channel === 'in_app') return channels.inApp.enabled
  const { enabled, tenants } = channels[channel]
  return enabled && (tenants === null || tenants.includes(tenantId))
}

/** The next channel of the chain that is open to the tenant. The configuration was checked: no chain leads back. */
function fallbackFor(channel: QueuedChannel, tenantId: string, channels: Channels): Channel | null {
  const { fallback } = channels[channel]
  if (fallback === null || isOpen(fallback, tenantId, channels)) return fallback
  return fallback === 'in_app' ? null : fallbackFor(fallback, tenantId, channels)
}

/** The channels that a tenant may use. */
export function openChannelsOf({ channels }: Config): (tenantId: string) => ReadonlySet<Channel> {
  const named = new Set(QUEUED_CHANNELS.flatMap((channel) => channels[channel].tenants ?? []))
  const setFor = (tenantId: string): ReadonlySet<Channel> =>
    new Set(CHANNELS.filter((channel) => isOpen(channel, tenantId, channels)))
  const sets = new Map([...named].map((tenantId) => [tenantId, setFor(tenantId)]))
  // No tenant's id is empty: what is open to everybody.
  const others = setFor('')
  return (tenantId) => sets.get(tenantId) ?? others
}
