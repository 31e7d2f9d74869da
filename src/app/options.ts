import type { Config } from '../config/config.js'
import { CHANNELS, type Channel } from '../model/notification.js'
import type { StreamOptions } from '../streams/notifications.js'

/** The configuration, as the streams want it. */
export function streamOptions(config: Config): StreamOptions {
  const { intake, consent, quietHours, rateLimit, queue, breaker, channels } = config
  const { email, websocket, webhook } = channels
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
    channels: {
      email: { ...email.delivery, retry: email.retry, fallback: email.fallback },
      websocket: { ...websocket.delivery, retry: websocket.retry, fallback: websocket.fallback },
      webhook: { ...webhook.delivery, retry: webhook.retry, fallback: webhook.fallback },
    },
  }
}

export function enabledChannels({ channels }: Config): ReadonlySet<Channel> {
  const switches: Record<Channel, boolean> = {
    email: channels.email.enabled,
    websocket: channels.websocket.enabled,
    webhook: channels.webhook.enabled,
    in_app: channels.inApp.enabled,
  }
  return new Set(CHANNELS.filter((channel) => switches[channel]))
}
