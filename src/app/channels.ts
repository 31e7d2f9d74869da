import type { Config } from '../config/config.js'
import type { Secrets } from '../config/secrets.js'
import { VERSION } from '../config/version.js'
import type { UnsubscribeLinks } from '../model/unsubscribe-links.js'
import { openSinks, type Sinks } from '../sinks/index.js'
import type { PushOptions } from '../sinks/push/index.js'
import type { WebhookEndpoints } from '../sinks/webhook/endpoints.js'
import { Hub, type HubStores } from '../sinks/websocket/hub.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { emailOptions } from './email.js'
import { pushOptions } from './push.js'
import { smsOptions } from './sms.js'

export interface Channels {
  readonly sinks: Sinks
  /** The open WebSockets. */
  readonly hub: Hub
}

/** The ways out, as configured. */
export function openChannels(
  config: Config,
  secrets: Secrets,
  unsubscribeLinks: UnsubscribeLinks,
  {
    sockets,
    webhookEndpoints,
    emailStores,
    devices,
  }: {
    readonly sockets: HubStores
    readonly webhookEndpoints: WebhookEndpoints
    readonly emailStores: Parameters<typeof emailOptions>[2]
    readonly devices: PushOptions['directory']
  },
  telemetry: Telemetry,
): Channels {
  const { email, sms, websocket, webhook } = config.channels
  const { relay, clock } = sockets
  const sinks = openSinks({
    email: emailOptions(email, unsubscribeLinks, emailStores, telemetry.log),
    webhook: {
      timeoutMs: webhook.delivery.timeoutMs,
      secrets: [secrets.webhook, ...webhook.previousSecrets],
      endpoints: webhookEndpoints,
      allowlist: webhook.allowlist,
      allowPrivate: webhook.allowPrivate,
      maxResponseBytes: webhook.maxResponseBytes,
      maxConnectionsPerOrigin: webhook.delivery.slots,
      version: VERSION,
    },
    sms: smsOptions(sms),
    push: pushOptions(config, { directory: devices, clock, telemetry }),
    relay,
    clock,
    telemetry,
  })
  const hub = new Hub(sockets, telemetry, {
    maxConnections: websocket.maxConnections,
    pingMs: websocket.pingMs,
    idleMs: websocket.idleMs,
    outboxMessages: websocket.bufferMessages,
    outboxBytes: websocket.bufferBytes,
  })
  return { sinks, hub }
}
