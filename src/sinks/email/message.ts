import type { SendMailOptions } from 'nodemailer'
import addressparser from 'nodemailer/lib/addressparser'
import type { Notification } from '../../model/notification.js'
import { DeliveryFailure } from '../../model/outcome.js'
import { readEmailAddress } from './address.js'
import { decodeEntities, escapeHtml, hasMarkup } from './markup.js'
import { plainText } from './plain-text.js'
import { unsubscribeHeaders } from './unsubscribe.js'

/** A longer display name is left out: no person has one, and it would fill the header. */
const MAX_NAME = 200

export interface Sender {
  readonly name: string
  readonly address: string
  readonly domain: string
}

/** Reads a configured sender, `name@example.com` or `Name <name@example.com>`. Throws when it is not one. */
export function readSender(from: string): Sender {
  const [mailbox, ...others] = addressparser(from, { flatten: true })
  if (mailbox === undefined || others.length > 0) throw new Error('the mail sender must be one address')
  const read = readEmailAddress(mailbox.address)
  if (!read.ok) throw new Error(`the mail sender ${read.wrong}`)
  return { name: mailbox.name, address: read.address, domain: read.domain }
}

/**
 * The message for a notification. The same notification has the same Message-ID at every
 * attempt, so that a receiver can tell a repeat. Only fields named here reach nodemailer:
 * nothing of the caller's metadata becomes an envelope, a header or an attachment.
 * @param unsubscribeLink null: the message has none
 */
export function compose(
  notification: Notification,
  sender: Sender,
  unsubscribeLink: string | null,
): SendMailOptions {
  const { email, name } = notification.metadata
  const to = readEmailAddress(email)
  if (!to.ok) throw new DeliveryFailure('invalid_address', `metadata.email ${to.wrong}`, { retryable: false })
  const shown = typeof name === 'string' && name.length <= MAX_NAME ? name : ''
  return {
    from: { name: sender.name, address: sender.address },
    to: { name: shown, address: to.address },
    subject: notification.title,
    messageId: `<${notification.id}@${sender.domain}>`,
    // RFC 3834 §5: keeps out-of-office replies away.
    headers: { 'Auto-Submitted': 'auto-generated', ...unsubscribeHeaders(unsubscribeLink) },
    xMailer: false,
    ...parts(notification.content),
  }
}

/** Content counts as HTML; when it has no tags, its line breaks are kept. */
function parts(content: string): { readonly html: string; readonly text: string } {
  if (hasMarkup(content)) return { html: content, text: plainText(content) }
  const text = decodeEntities(content)
  return { html: escapeHtml(text).replace(/\r\n|\r|\n/g, '<br>\n'), text }
}
