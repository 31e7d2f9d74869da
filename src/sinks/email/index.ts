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
  readonly log: Log
}

export interface EmailSink extends Sink {
  close(): Promise<void>
}

/** Sends a notification to `metadata.email`. Throws at once when the sender is not an address. */
export function createEmailSink({ from, timeouts, transport: to, log }: EmailOptions): EmailSink {
  const sender = readSender(from)
  const transport = to.kind === 'outbox' ? outbox(to.directory, log) : smtp(to, timeouts, log)
  return {
    target: () => transport.target,
    send: async (notification, signal) =>
      transport.deliver(compose(notification, sender), notification, signal),
    close: () => transport.close(),
  }
}
