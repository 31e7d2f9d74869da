import type { UnsubscribeLinks } from '../../model/unsubscribe-links.js'
import type { Sink } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import { compose, readSender } from './message.js'
import { outbox } from './outbox.js'
import { type SmtpServer, type SmtpTimeouts, smtp } from './smtp.js'

export { checkEmailAddress } from './address.js'
export type { SmtpServer, SmtpTimeouts } from './smtp.js'

export interface EmailOptions {
  /** `name@example.com` or `Name <name@example.com>`; its domain ends every Message-ID. */
  readonly from: string
  readonly timeouts: SmtpTimeouts
  readonly transport:
    | { readonly kind: 'outbox'; readonly directory: string }
    | ({ readonly kind: 'smtp' } & SmtpServer)
  /** Null: no message has a link. */
  readonly unsubscribeLinks: Pick<UnsubscribeLinks, 'linkFor'> | null
  readonly log: Log
}

export interface EmailSink extends Sink {
  close(): Promise<void>
}

/** Sends a notification to `metadata.email`. Throws at once when the sender is not an address. */
export function createEmailSink(options: EmailOptions): EmailSink {
  const { from, timeouts, transport: to, unsubscribeLinks, log } = options
  const sender = readSender(from)
  const transport = to.kind === 'outbox' ? outbox(to.directory, log) : smtp(to, timeouts, log)
  return {
    target: () => transport.target,
    send: async (notification, signal) => {
      const link = unsubscribeLinks?.linkFor(notification) ?? null
      return transport.deliver(compose(notification, sender, link), notification, signal)
    },
    close: () => transport.close(),
  }
}
