import type { Static } from 'typebox'
import type { Frozen } from '../frozen.js'
import type { Problem } from '../problem.js'
import { Count, Duration, Size, section } from '../values.js'
import { deliveryOf, tried, usual, usualOf } from './delivery.js'

const KB = 1_024
const MB = 1_048_576
const HOUR = 3_600_000

export const websocketSchema = section({
  ...usual,
  ...tried,
  max_connections: Count(1, 1_000_000),
  ping_interval: Duration(100, HOUR),
  idle_timeout: Duration(100, 24 * HOUR),
  buffer_messages: Count(1, 100_000),
  buffer_bytes: Size(KB, 64 * MB),
})

export type WebSocketConfig = Frozen<ReturnType<typeof websocketOf>>

export function websocketOf(websocket: Static<typeof websocketSchema>) {
  return {
    ...usualOf(websocket),
    delivery: deliveryOf(websocket),
    /** A user who is offline is not tried again. */
    retry: { delaysMs: [], jitter: 0 },
    maxConnections: websocket.max_connections,
    pingMs: websocket.ping_interval,
    idleMs: websocket.idle_timeout,
    bufferMessages: websocket.buffer_messages,
    bufferBytes: websocket.buffer_bytes,
  }
}

export function websocketProblems({ idleMs, pingMs }: WebSocketConfig): readonly Problem[] {
  if (idleMs > pingMs) return []
  return [
    {
      key: 'channels.websocket.idle_timeout',
      message: 'must be longer than channels.websocket.ping_interval, or sockets that are alive are closed',
    },
  ]
}
