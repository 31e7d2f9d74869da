import type { UnsubscribeLinks } from '../../model/unsubscribe-links.js'
import type { Sink } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import { type AttachmentContents, Files } from './attachments.js'
import { type BouncedAddresses, recordingBounces } from './bounced-addresses.js'
import type { Dkim } from './dkim.js'
import { compose, readSender } from './message.js'
import { outbox } from './outbox.js'
import { type SmtpServer, type SmtpTimeouts, smtp } from './smtp.js'

export { checkEmailAddress } from './address.js'
export type { AttachmentContents } from './attachments.js'
export type { BouncedAddresses } from './bounced-addresses.js'
export type { SmtpServer, SmtpTimeouts } from './smtp.js'

export interface EmailOptions {
  /** `name@example.com` or `Name <name@example.com>`; its domain ends every Message-ID. */
  readonly from: string
  /** Where reports about mail that could not be delivered go; null: to the sender. */
  readonly bounceAddress: string | null
  readonly timeouts: SmtpTimeouts
  readonly transport:
    | { readonly kind: 'outbox'; readonly directory: string }
    | ({ readonly kind: 'smtp' } & SmtpServer)
  /** Null: signing is left to the mail server. */
  readonly dkim: Dkim | null
  /** Null: no message has a link. */
  readonly unsubscribeLinks: Pick<UnsubscribeLinks, 'linkFor'> | null
  readonly attachments: AttachmentContents
  readonly bounces: BouncedAddresses
  readonly log: Log
}

export interface EmailSink extends Sink {
  close(): Promise<void>
}

/** Sends a notification to `metadata.email`. Throws at once when the sender is not an address. */
export function createEmailSink(options: EmailOptions): EmailSink {
  const { from, bounceAddress, timeouts, transport: to, dkim, unsubscribeLinks, log } = options
  const sender = readSender(from, bounceAddress)
  const files = new Files(options.attachments)
  const recording = recordingBounces(options.bounces, log)
  const transport = to.kind === 'outbox' ? outbox(to.directory, dkim, log) : smtp(to, timeouts, dkim, log)
  return {
    target: () => transport.target,
    send: async (notification, signal) => {
      const { tenantId, attachments } = notification
      const link = unsubscribeLinks?.linkFor(notification) ?? null
      // Without a pause where there are none: a delivery that has begun is still waited for at the end.
      const found = attachments.length === 0 ? [] : await files.of(tenantId, attachments, signal)
      const message = compose(notification, sender, link, found)
      return recording(notification, () => transport.deliver(message, notification, signal))
    },
    close: () => transport.close(),
  }
}
