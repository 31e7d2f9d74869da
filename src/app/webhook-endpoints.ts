import type { WebhookEndpoints as Registry } from '../api/ports.js'
import type { Config } from '../config/config.js'
import type { Secrets } from '../config/secrets.js'
import { endpointId } from '../model/id.js'
import type { WebhookEndpoint, WebhookEndpoints } from '../sinks/webhook/endpoints.js'
import { PostgresWebhookEndpoints } from '../state/postgres/webhook-endpoints.js'
import { KnownEndpoints } from '../state/postgres/webhook-endpoints-known.js'
import { WebhookHealth } from '../state/postgres/webhook-health.js'
import { Sealing } from '../state/sealing.js'
import type { Endpoints } from '../streams/ports.js'
import type { Log } from '../telemetry/log.js'
import type { Database } from './database.js'
import type { RecipientStores } from './recipients.js'

export interface WebhookStores {
  readonly webhookEndpoints: Registry
  /** For the stages. */
  readonly endpoints: Endpoints
  /** For the sink. */
  readonly watched: WebhookEndpoints
  /** Writes what was seen last. */
  close(): Promise<void>
}

const GONE: WebhookEndpoint = { registered: false, secrets: [], disabled: 'gone' }

export function openWebhookEndpoints(
  { channels: { webhook } }: Config,
  secrets: Secrets,
  { store, changes, clock }: Pick<Database, 'store' | 'changes' | 'clock'>,
  { suppressions, forgetAddress }: Pick<RecipientStores, 'suppressions' | 'forgetAddress'>,
  log: Log,
): WebhookStores {
  const sealing = new Sealing([secrets.webhook, ...webhook.previousSecrets], 'webhook endpoint secrets')
  const known = new KnownEndpoints(store, changes, sealing)
  const health = new WebhookHealth(store, {
    disableAfterMs: webhook.disableAfterMs,
    onStopped: (tenantId, address) => {
      known.forgetUrl(tenantId, address)
      forgetAddress({ tenantId, channel: 'webhook', address })
    },
    log,
  })
  return {
    webhookEndpoints: new PostgresWebhookEndpoints(store, {
      newId: () => endpointId(clock.now()),
      now: () => clock.now(),
      sealing,
      suppressions,
      known,
    }),
    endpoints: known,
    watched: {
      find: async (tenantId, url) => (health.isGone(tenantId, url) ? GONE : known.find(tenantId, url)),
      record: (tenantId, url, outcome) => health.record(tenantId, url, outcome),
    },
    close: () => health.close(),
  }
}
