import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import { readSmtpError, type SmtpError, type SmtpReply } from './smtp-error.js'

/**
 * What a failed SMTP delivery means for the notification. The reply's words stay
 * behind, in the message as in the cause: servers like to repeat the recipient's address in them.
 */
export function deliveryFailure(error: unknown): DeliveryFailure {
  const smtp = readSmtpError(error)
  if (smtp.reply !== null) return afterReply(smtp.reply, smtp)
  const cause = error
  switch (smtp.code) {
    case 'ETIMEDOUT':
      return later('timeout', `the mail server did not answer in time (${smtp.detail})`, cause)
    case 'EDNS':
    case 'ESOCKET':
    case 'ECONNECTION':
      if (smtp.untrusted) {
        return later('unavailable', `the mail server's certificate is not accepted (${smtp.detail})`, cause)
      }
      return later('connection_failed', `the connection to the mail server failed (${smtp.detail})`, cause)
    case 'EPROTOCOL':
      return later('connection_failed', 'the mail server does not keep to SMTP')
    case 'ETLS':
      return later('unavailable', 'TLS with the mail server could not be set up', cause)
    case 'EAUTH':
      return later('unavailable', 'the mail server offers no login that the credentials allow')
    case 'EENVELOPE':
      return never('invalid_address', 'the address cannot be used in SMTP')
    default:
      return later('internal', 'the message could not be sent', cause)
  }
}

/** Replies by RFC 5321 §4.2, with the enhanced codes of RFC 3463 where the server gives them. */
function afterReply(reply: SmtpReply, { code, step }: SmtpError): DeliveryFailure {
  const said = `${reply.status}${reply.enhanced === null ? '' : ` ${reply.enhanced}`}`
  const answered = `the mail server answered ${said} to ${step}`
  if (step === 'STARTTLS') return later('unavailable', `TLS is not offered: ${answered}`)
  if (code === 'EAUTH') return later('unavailable', `login refused: ${answered}`)
  if (BUSY.has(reply.status)) return later('throttled', answered)
  if (reply.status < 400 || reply.status > 599) return later('connection_failed', answered)
  if (reply.status < 500 || SESSION.has(reply.status)) return later('unavailable', answered)
  if (!TRANSACTION.has(step)) return later('unavailable', answered)
  if (step === 'RCPT TO' && isMailbox(reply)) return never('invalid_address', answered)
  return never('rejected', answered)
}

const BUSY = new Set([421, 450, 451, 452])
/** About us or the session, not the message: bad sequence, login needed, too weak, refused, or TLS needed (RFC 4954 §6). */
const SESSION = new Set([503, 530, 534, 535, 538])
/** A refusal outside of these says nothing about the message. */
const TRANSACTION = new Set(['MAIL FROM', 'RCPT TO', 'DATA', 'the message'])
/** RFC 3463 §3.2 and §3.3, RFC 7505: no such mailbox or host, bad syntax, moved, null MX, disabled. */
const MAILBOX = new Set(['5.1.1', '5.1.2', '5.1.3', '5.1.4', '5.1.6', '5.1.10', '5.2.1'])

const isMailbox = ({ status, enhanced }: SmtpReply): boolean =>
  enhanced === null ? status === 550 || status === 551 || status === 553 : MAILBOX.has(enhanced)

const later = (code: DeliveryFailureCode, message: string, cause?: unknown): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: true, cause })

const never = (code: DeliveryFailureCode, message: string): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: false })
