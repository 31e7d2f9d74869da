/** A delivery report as Postfix writes it (RFC 3464), with what a test changes. */
export interface Report {
  readonly notificationId?: string | null
  readonly envelopeId?: string
  readonly final?: string
  readonly original?: string
  readonly action?: string
  readonly status?: string
  readonly diagnostic?: string
  /** Further groups of fields. */
  readonly more?: string
}

const lines = (...text: readonly (string | null)[]): string =>
  text.filter((line) => line !== null).join('\r\n')

export function deliveryReport({
  notificationId = null,
  envelopeId,
  final = 'rfc822; ada@example.org',
  original,
  action = 'failed',
  status = '5.1.1',
  diagnostic = 'smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown',
  more,
}: Report = {}): string {
  return lines(
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.example.org (Mail Delivery System)',
    'Subject: Undelivered Mail Returned to Sender',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    '\tboundary="4D2F1.1764000000/mx.example.org"',
    '',
    'This is a MIME-encapsulated message.',
    '',
    '--4D2F1.1764000000/mx.example.org',
    'Content-Description: Notification',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    "I'm sorry to have to inform you that your message could not be delivered.",
    '',
    '--4D2F1.1764000000/mx.example.org',
    'Content-Description: Delivery report',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.org',
    envelopeId === undefined ? null : `Original-Envelope-Id: ${envelopeId}`,
    'Arrival-Date: Mon, 23 Nov 2026 02:00:00 +0000 (UTC)',
    '',
    `Final-Recipient: ${final}`,
    original === undefined ? null : `Original-Recipient: ${original}`,
    `Action: ${action}`,
    `Status: ${status}`,
    'Remote-MTA: dns; mail.example.org',
    `Diagnostic-Code: ${diagnostic}`,
    more === undefined ? null : `\r\n${more}`,
    '',
    '--4D2F1.1764000000/mx.example.org',
    'Content-Description: Undelivered Message Headers',
    'Content-Type: text/rfc822-headers',
    '',
    'From: Billing <billing@sender.example>',
    'Subject: Your bill',
    notificationId === null ? null : `Message-ID: <${notificationId}@sender.example>`,
    '',
    '--4D2F1.1764000000/mx.example.org--',
    '',
  )
}

/** A complaint (RFC 5965), as mailbox providers send it for the button "this is spam". `to` stands in what is returned. */
export const complaintReport = (
  notificationId: string | null,
  recipient: string | null,
  to: string | null = null,
): string =>
  lines(
    'From: <abuse@mailbox.example>',
    'Content-Type: multipart/report; report-type=feedback-report; boundary=part',
    '',
    '--part',
    'Content-Type: text/plain',
    '',
    'This is an email abuse report.',
    '--part',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: SomeGenerator/1.0',
    'Version: 1',
    recipient === null ? null : `Original-Rcpt-To: <${recipient}>`,
    '--part',
    'Content-Type: message/rfc822',
    '',
    'From: <billing@sender.example>',
    to === null ? null : `To: ${to}`,
    notificationId === null ? null : `Message-ID: <${notificationId}@sender.example>`,
    '',
    'Spam, spam, spam',
    '--part--',
    '',
  )
