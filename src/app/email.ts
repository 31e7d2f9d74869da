import type { Suppressions } from '../api/ports.js'
import type { EmailConfig } from '../config/channels/email.js'
import type { Config } from '../config/config.js'
import type { UnsubscribeLinks } from '../model/unsubscribe-links.js'
import type { EmailOptions } from '../sinks/email/index.js'
import { PostgresAttachments } from '../state/postgres/attachments.js'
import { PostgresBounces } from '../state/postgres/bounces.js'
import type { Log } from '../telemetry/log.js'
import type { Database } from './database.js'

/** What email keeps besides notifications. */
export interface EmailStores {
  readonly attachments: PostgresAttachments
  readonly bounces: PostgresBounces
}

/** The share of the connections that may be writing attachments. */
const WRITERS = 0.2

export function openEmailStores({ database }: Config, { store, clock }: Database): EmailStores {
  return {
    attachments: new PostgresAttachments(store, clock, Math.max(1, Math.floor(database.poolSize * WRITERS))),
    bounces: new PostgresBounces(store),
  }
}

/** The email channel, as configured. */
export function emailOptions(
  { from, bounceAddress, delivery, dkim, transport }: EmailConfig,
  unsubscribeLinks: UnsubscribeLinks,
  { attachments, suppressions }: { attachments: PostgresAttachments; suppressions: Suppressions },
  log: Log,
): EmailOptions {
  const { timeoutMs } = delivery
  return {
    from,
    bounceAddress,
    timeouts: { connectMs: timeoutMs, greetingMs: timeoutMs, deliveryMs: timeoutMs },
    transport: transport.kind === 'outbox' ? transport : { ...transport, login: loginOf(transport) },
    dkim,
    unsubscribeLinks,
    attachments,
    bounces: {
      bounced: async (tenantId, address, note) => {
        await suppressions.add({ tenantId, channel: 'email', address }, 'bounce', note)
      },
    },
    log,
  }
}

type Smtp = Extract<EmailConfig['transport'], { kind: 'smtp' }>

function loginOf({ username, password, oauth2 }: Smtp) {
  if (username === null) return null
  if (oauth2 !== null) return { kind: 'oauth2' as const, username, client: oauth2 }
  return { kind: 'password' as const, username, password: password ?? '' }
}
