import type { ClosingReason } from './closing.js'
import type { Connection } from './connection.js'

export interface HeartbeatOptions {
  readonly pingMs: number
  readonly idleMs: number
  readonly floodWindowMs: number
}

/** The pings of one interval are spread over this many ticks. */
export const SLICES = 30

/**
 * One timer for all sockets. Each tick walks them: ends those whose token has expired or
 * that were silent too long, and pings one slice. Silence is counted in ticks, so that
 * neither a clock that is set nor a process that was stopped makes live sockets look idle.
 * @returns stops it
 */
export function startHeartbeat(
  connections: Iterable<Connection>,
  options: HeartbeatOptions,
  drop: (connection: Connection, reason: ClosingReason) => void,
  onTick: () => void,
): () => void {
  const tickMs = Math.max(1, Math.round(options.pingMs / SLICES))
  const idleTicks = Math.ceil(options.idleMs / tickMs)
  const windowTicks = Math.ceil(options.floodWindowMs / tickMs)
  let ticks = 0

  const tick = (): void => {
    ticks += 1
    const now = Date.now()
    const slice = ticks % SLICES
    const isNewWindow = ticks % windowTicks === 0
    for (const connection of connections) {
      if (isNewWindow) connection.received = 0
      connection.silentTicks += 1
      if (!connection.isOpen) continue
      if (connection.expiresAt <= now) drop(connection, 'expired')
      else if (connection.silentTicks > idleTicks) drop(connection, 'idle')
      else if (connection.phase === slice) connection.ping()
    }
    onTick()
  }

  const timer = setInterval(tick, tickMs)
  timer.unref()
  return () => clearInterval(timer)
}
