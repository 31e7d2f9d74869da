import type { Config } from '../config/config.js'
import type { Secrets } from '../config/secrets.js'
import { VERSION } from '../config/version.js'
import type { UnsubscribeLinks } from '../model/unsubscribe-links.js'
import { openSinks, type Sinks } from '../sinks/index.js'
import { Hub } from '../sinks/websocket/hub.js'
import type { Clock, Relay } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'

export interface Channels {
  readonly sinks: Sinks
  /** The open WebSockets. */
  readonly hub: Hub
}

/** The ways out, as configured. */
export function openChannels(
  { channels: { email, websocket, webhook } }: Config,
  secrets: Secrets,
  unsubscribeLinks: UnsubscribeLinks,
  { relay, clock }: { readonly relay: Relay; readonly clock: Clock },
  telemetry: Telemetry,
): Channels {
  const { timeoutMs } = email.delivery
  const sinks = openSinks({
    email: {
      from: email.from,
      timeouts: { connectMs: timeoutMs, greetingMs: timeoutMs, socketMs: timeoutMs },
      transport: email.transport,
      unsubscribeLinks,
      log: telemetry.log,
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
  const hub = new Hub(relay, telemetry, {
    maxConnections: websocket.maxConnections,
    pingMs: websocket.pingMs,
    idleMs: websocket.idleMs,
    outboxMessages: websocket.bufferMessages,
    outboxBytes: websocket.bufferBytes,
  })
  return { sinks, hub }
}
