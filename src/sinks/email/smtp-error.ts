/** A reply's figures, without its words. */
export interface SmtpReply {
  readonly status: number
  /** RFC 3463, such as `5.1.1`. */
  readonly enhanced: string | null
}

/** What nodemailer's error says, none of it written by a sender or a server. */
export interface SmtpError {
  /** nodemailer's own code, such as `ESOCKET`. */
  readonly code: string
  /** The step that failed, in words for a reader. */
  readonly step: string
  readonly reply: SmtpReply | null
  /** The system's code or the kind of timeout. */
  readonly detail: string
  /** TLS stands, but the certificate is not to be trusted. */
  readonly untrusted: boolean
}

export function readSmtpError(error: unknown): SmtpError {
  const code = text(error, 'code') ?? 'unknown'
  const command = text(error, 'command')
  const detail = text(error, 'timeoutType') ?? text(error, 'originalCode') ?? code
  return {
    code,
    step:
      command === 'DATA' && code === 'EMESSAGE' ? 'the message' : (STEPS.get(command ?? '') ?? 'a command'),
    reply: replyOf(text(error, 'response')),
    detail,
    untrusted: /CERT|SIGNATURE|^ERR_(?:TLS|SSL)_/.test(detail),
  }
}

const STEPS: ReadonlyMap<string, string> = new Map([
  ['CONN', 'the connection'],
  ['EHLO', 'EHLO'],
  ['HELO', 'HELO'],
  ['STARTTLS', 'STARTTLS'],
  ['AUTH PLAIN', 'AUTH'],
  ['AUTH LOGIN', 'AUTH'],
  ['AUTH CRAM-MD5', 'AUTH'],
  ['AUTH XOAUTH2', 'AUTH'],
  ['MAIL FROM', 'MAIL FROM'],
  ['RCPT TO', 'RCPT TO'],
  ['DATA', 'DATA'],
])

function replyOf(response: string | undefined): SmtpReply | null {
  const match = /^(\d{3})(?:[ -](\d\.\d{1,3}\.\d{1,3})(?=\s|$))?/.exec(response ?? '')
  if (match === null) return null
  return { status: Number(match[1]), enhanced: match[2] ?? null }
}

function text(error: unknown, field: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, field)
  return typeof value === 'string' ? value : undefined
}
