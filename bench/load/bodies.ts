import { TENANT, userId } from '../stand/token.js'

const DIGITS = 15
/** A typical message: an order that was sent. */
const TITLE = 'Your order is on its way'
const CONTENT =
  'Order 4711-0815 has left our warehouse and will be with you on Thursday between 9:00 and 12:00. You need not be at home.'

/** A request to send; `mark` comes back in the frame. All of one channel are of one length. */
export function sendBody(channel: string, user: number, mark: number): string {
  const marked = String(mark).padStart(DIGITS, '0')
  return `{"tenant_id":"${TENANT}","user_id":"${userId(user)}","channel":"${channel}","priority":"high","notification_type":"orders","title":"${TITLE}","content":"${CONTENT}","metadata":{"mark":"${marked}"}}`
}

/** The same with an address for each channel that needs one. */
export const mixedBody = (channel: string, user: number, mark: number, webhookUrl: string): string =>
  sendBody(channel, user, mark).replace(
    '"metadata":{',
    `"metadata":{"email":"ada@example.com","webhook_url":"${webhookUrl}",`,
  )

export const TEMPLATE_ID = 'tmpl_order_sent'
/** What the template of the same name has. */
export const TEMPLATE = {
  title: 'Your order {{ order }} is on its way',
  content:
    'Dear {{ user_name }}, order {{ order }} has left our warehouse and will be with you on {{ day }} between 9:00 and 12:00. You need not be at home.',
}
export const VARIABLES = { user_name: 'Ada Lovelace', order: '4711-0815', day: 'Thursday' }

/** A request to send by a template. All of one channel are of one length. */
export function templateBody(channel: string, user: number): string {
  return `{"tenant_id":"${TENANT}","user_id":"${userId(user)}","channel":"${channel}","priority":"high","notification_type":"orders","template_id":"${TEMPLATE_ID}","variables":${JSON.stringify(VARIABLES)}}`
}

const MARK = Buffer.from('"mark":"')

/** The mark in a frame between two offsets; -1 when it has none. */
export function markIn(frame: Buffer, start: number, end: number): number {
  const at = frame.indexOf(MARK, start)
  if (at < 0 || at >= end) return -1
  return Number(frame.toString('latin1', at + MARK.length, at + MARK.length + DIGITS))
}

export function batchBody(
  channel: string,
  users: readonly number[],
  mark: number,
  scheduledAt?: number,
): string {
  return JSON.stringify({
    tenant_id: TENANT,
    user_ids: users.map(userId),
    channel,
    title: TITLE,
    content: CONTENT,
    metadata: { mark: String(mark).padStart(DIGITS, '0') },
    ...(scheduledAt === undefined ? {} : { scheduled_at: new Date(scheduledAt).toISOString() }),
  })
}

export const broadcastBody = (): string =>
  JSON.stringify({ tenant_id: TENANT, title: TITLE, content: CONTENT, priority: 'high' })
