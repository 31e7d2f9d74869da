import { isUnreachable } from '../../model/mailbox-status.js'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import { NoToken } from './access-tokens.js'
import { readSmtpError, type SmtpError, type SmtpReply } from './smtp-error.js'

/** The mail server says that the recipient's mailbox does not exist. */
export class NoMailbox extends DeliveryFailure {
  /** Its codes, such as `550 5.1.1`, when they leave no doubt: a bare 550 may be about us. */
  readonly certain: string | null

  constructor(message: string, certain: string | null) {
    super('invalid_address', message, { retryable: false })
    this.certain = certain
  }
}

/**
 * What a failed SMTP delivery means for the notification. The reply's words stay
 * behind, in the message as in the cause: servers like to repeat the recipient's address in them.
 */
export function deliveryFailure(error: unknown): DeliveryFailure {
  if (error instanceof NoToken) return error.failure
  const smtp = readSmtpError(error)
  if (smtp.reply !== null) return afterReply(smtp.reply, smtp)
  const cause = error
  switch (smtp.code) {
    case 'ETIMEDOUT':
      return later('timeout', `the mail server did not answer in time (${smtp.detail})`, cause)
    case 'EABORT':
      return later('timeout', 'the mail server did not take the message in time', cause)
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
      return later('account_refused', 'the mail server offers no login that the credentials allow')
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
  if (code === 'EAUTH') {
    return later(reply.status < 500 ? 'unavailable' : 'account_refused', `login refused: ${answered}`)
  }
  if (BUSY.has(reply.status)) return later('throttled', answered)
  if (reply.status < 400 || reply.status > 599) return later('connection_failed', answered)
  if (reply.status < 500 || SESSION.has(reply.status)) return later('unavailable', answered)
  if (!TRANSACTION.has(step)) return later('unavailable', answered)
  if (step === 'RCPT TO' && isMailbox(reply)) {
    return new NoMailbox(answered, reply.enhanced === null ? null : said)
  }
  return never('rejected', answered)
}

const BUSY = new Set([421, 450, 451, 452])
/** About us or the session, not the message: bad sequence, login needed, too weak, refused, or TLS needed (RFC 4954 §6). */
const SESSION = new Set([503, 530, 534, 535, 538])
/** A refusal outside of these says nothing about the message. */
const TRANSACTION = new Set(['MAIL FROM', 'RCPT TO', 'DATA', 'the message'])
const isMailbox = ({ status, enhanced }: SmtpReply): boolean =>
  enhanced === null ? status === 550 || status === 551 || status === 553 : isUnreachable(enhanced)

const later = (code: DeliveryFailureCode, message: string, cause?: unknown): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: true, cause })

const never = (code: DeliveryFailureCode, message: string): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: false })
