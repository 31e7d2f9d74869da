import { setTimeout as delay } from 'node:timers/promises'
import pgListen from 'pg-listen'
import { addressOf, type Connection } from './connection.js'

/** A connection whose other end went silently away is noticed after this and the next. */
const CHECK_EVERY_MS = 5_000
const TIMEOUT_MS = 2_000

export interface Message {
  readonly channel: string
  readonly payload: unknown
}

/** One connection that listens, for as long as it lasts. */
export interface Listening {
  /** Resolves when it is over: to the reason, or to null when it was closed. */
  readonly ended: Promise<Error | null>
  /** Resolves within 2 s. */
  close(): Promise<void>
}

/**
 * Connects and listens to all of `channels`; rejects when one of them cannot be listened to.
 * pg-listen finds out when the connection is lost. To connect again is left to the caller: pg-listen
 * would give up for good when the connection breaks while it listens again, and would not stop
 * trying when it is closed (andywer/pg-listen#61).
 */
export async function listen(
  connection: Connection,
  channels: readonly string[],
  onMessage: (message: Message) => void,
): Promise<Listening> {
  const address = {
    ...addressOf(connection),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    application_name: 'notification-service listener',
  }
  const subscriber = pgListen.default(address, {
    paranoidChecking: CHECK_EVERY_MS,
    retryLimit: 1,
    // A payload that is no JSON would count as a lost connection.
    parse: (payload) => payload,
  })
  let end: (reason: Error | null) => void = () => undefined
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve
  })
  const close = async (): Promise<void> => {
    end(null)
    await Promise.race([subscriber.close(), delay(TIMEOUT_MS, undefined, { ref: false })])
  }
  subscriber.events.on('error', end)
  subscriber.events.on('notification', ({ channel, payload }) => onMessage({ channel, payload }))
  try {
    await subscriber.connect()
    for (const channel of channels) await subscriber.listenTo(channel)
  } catch (error) {
    await close()
    throw error
  }
  return { ended, close }
}
