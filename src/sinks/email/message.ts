import type { SendMailOptions } from 'nodemailer'
import addressparser from 'nodemailer/lib/addressparser'
import type { Notification } from '../../model/notification.js'
import { DeliveryFailure } from '../../model/outcome.js'
import { readEmailAddress } from './address.js'
import type { File } from './attachments.js'
import { decodeEntities, escapeHtml, hasMarkup } from './markup.js'
import { plainText } from './plain-text.js'
import { unsubscribeHeaders } from './unsubscribe.js'

/** A longer display name is left out: no person has one, and it would fill the header. */
const MAX_NAME = 200

export interface Sender {
  readonly name: string
  readonly address: string
  readonly domain: string
  /** Where servers report what they could not deliver: the sender of the envelope. */
  readonly bounces: string
}

/**
 * Reads a configured sender, `name@example.com` or `Name <name@example.com>`. Throws when it is not one.
 * @param bounceAddress null: the sender itself
 */
export function readSender(from: string, bounceAddress: string | null): Sender {
  const [mailbox, ...others] = addressparser(from, { flatten: true })
  if (mailbox === undefined || others.length > 0) throw new Error('the mail sender must be one address')
  const read = readEmailAddress(mailbox.address)
  if (!read.ok) throw new Error(`the mail sender ${read.wrong}`)
  const bounces = readEmailAddress(bounceAddress ?? read.address)
  if (!bounces.ok) throw new Error(`the bounce address ${bounces.wrong}`)
  return { name: mailbox.name, address: read.address, domain: read.domain, bounces: bounces.address }
}

/**
 * The message for a notification. The same notification has the same Message-ID at every
 * attempt, so that a receiver can tell a repeat. Only fields named here reach nodemailer:
 * nothing of the caller's metadata becomes an envelope, a header or an attachment, and a file is
 * its content, never a path or a URL.
 * @param unsubscribeLink null: the message has none
 */
export function compose(
  notification: Notification,
  sender: Sender,
  unsubscribeLink: string | null,
  files: readonly File[],
): SendMailOptions {
  const { email, name } = notification.metadata
  const to = readEmailAddress(email)
  if (!to.ok) throw new DeliveryFailure('invalid_address', `metadata.email ${to.wrong}`, { retryable: false })
  const shown = typeof name === 'string' && name.length <= MAX_NAME ? name : ''
  return {
    from: { name: sender.name, address: sender.address },
    to: { name: shown, address: to.address },
    subject: notification.title,
    envelope: { from: sender.bounces, to: [to.address] },
    // RFC 3461, where the server offers it: a report then names the notification, and does not return the whole mail.
    dsn: { id: notification.id, return: 'headers', notify: ['failure'], recipient: to.address },
    messageId: `<${notification.id}@${sender.domain}>`,
    // RFC 3834 §5: keeps out-of-office replies away.
    headers: { 'Auto-Submitted': 'auto-generated', ...unsubscribeHeaders(unsubscribeLink) },
    xMailer: false,
    ...parts(notification.content),
    attachments: files.map(attached),
  }
}

/** What the text shows stands in it (`<img src="cid:…">`, RFC 2392); the rest stands beside it. */
function attached({ attachment: { filename, contentType, contentId }, content }: File) {
  if (contentId === null) return { filename, contentType, content, contentDisposition: 'attachment' as const }
  return { filename, contentType, content, contentDisposition: 'inline' as const, cid: contentId }
}

/** Content counts as HTML; when it has no tags, its line breaks are kept. */
function parts(content: string): { readonly html: string; readonly text: string } {
  if (hasMarkup(content)) return { html: content, text: plainText(content) }
  const text = decodeEntities(content)
  return { html: escapeHtml(text).replace(/\r\n|\r|\n/g, '<br>\n'), text }
}
