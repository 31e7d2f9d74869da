import { withoutAddresses } from '../../model/address.js'
import type { JsonObject } from '../../model/json.js'
import type { Notification, Priority } from '../../model/notification.js'
import type { Frame } from '../../streams/ports.js'

/** What a `notification` frame shows. */
export interface Message {
  readonly id: string
  readonly title: string
  readonly content: string
  readonly priority: Priority
  readonly metadata: JsonObject
}

/** How a client is asked to come back; the delays double from the first to the last, in milliseconds. */
export const RECONNECT = { initial_ms: 1_000, max_ms: 30_000, jitter: 0.5 } as const

/** @param now epoch milliseconds; the frame carries seconds */
export function notificationFrame(message: Message | Notification, now: number): Frame {
  const { id, title, content, priority } = message
  const data = JSON.stringify({
    type: 'notification',
    id,
    title,
    content,
    priority,
    metadata: withoutAddresses(message.metadata),
    timestamp: Math.floor(now / 1000),
  })
  return { data, critical: priority === 'critical' }
}

export const unreadCountFrame = (count: number): Frame => plain({ type: 'unread_count', count })

export const readFrame = (id: string): Frame => plain({ type: 'read', id })

export const unreadFrame = (id: string): Frame => plain({ type: 'unread', id })

export const archivedFrame = (id: string): Frame => plain({ type: 'archived', id })

/** Everything in the inbox was marked as read. */
export const readAllFrame = (): Frame => plain({ type: 'read_all' })

/** The end of a replay. Not complete: there was more, or it could not be found out; the inbox has it. */
export const resumedFrame = (count: number, complete: boolean): Frame =>
  plain({ type: 'resumed', count, complete })

/** The first frame on a socket: from here on it gets what is sent to its user. */
export const welcomeFrame = (pingMs: number): Frame =>
  plain({ type: 'welcome', heartbeat_seconds: pingMs / 1000, reconnect: RECONNECT })

export const PONG_FRAME = plain({ type: 'pong' })

export const NOT_UNDERSTOOD_FRAME = plain({
  type: 'error',
  code: 'not_understood',
  message: 'the only message that a client may send is {"type":"ping"}',
})

/** Whether a message of a client is `{"type":"ping"}`. */
export function isPing(text: string): boolean {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ping'
  } catch {
    // Not JSON: whatever a client sends is no fault of ours.
    return false
  }
}

function plain(content: JsonObject): Frame {
  return { data: JSON.stringify(content), critical: false }
}
