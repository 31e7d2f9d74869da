import { type Redis, ReplyError } from 'ioredis'
import { concealArguments } from './guard.js'

/** One SUBSCRIBE names at most this many channels. */
const CHUNK = 1_000

/**
 * The channels that this instance listens to. They survive the connection: what cannot be
 * subscribed because Redis is away is subscribed when it is back.
 */
export class Subscriptions {
  readonly #redis: Redis
  readonly #handlers = new Map<string, (message: string) => void>()
  readonly #restored = new Set<(lostForMs: number) => void>()
  #lostAt: number | null = performance.now()

  constructor(redis: Redis) {
    this.#redis = redis
    redis.on('message', (channel, message) => this.#handlers.get(channel)?.(message))
    redis.on('close', () => {
      this.#lostAt ??= performance.now()
    })
  }

  /**
   * Resolves when messages arrive, or when Redis is found to be away. The handler must not throw.
   * @throws ReplyError when Redis refuses, as an ACL may
   */
  async add(channel: string, handler: (message: string) => void): Promise<void> {
    this.#handlers.set(channel, handler)
    try {
      await unlessAway(this.#redis.subscribe(channel))
    } catch (error) {
      this.#handlers.delete(channel)
      throw error
    }
  }

  async remove(channel: string): Promise<void> {
    if (this.#handlers.delete(channel)) await unlessAway(this.#redis.unsubscribe(channel))
  }

  /** Calls back when messages may have been missed, with for how long there was no connection. Returns the unsubscriber. */
  onRestored(listener: (lostForMs: number) => void): () => void {
    this.#restored.add(listener)
    return () => this.#restored.delete(listener)
  }

  /** To be called on every new connection. */
  async restore(): Promise<void> {
    const channels = [...this.#handlers.keys()]
    const chunks: Promise<unknown>[] = []
    // All are sent now, so that a channel removed meanwhile is unsubscribed after it was subscribed.
    for (let from = 0; from < channels.length; from += CHUNK) {
      chunks.push(this.#redis.subscribe(...channels.slice(from, from + CHUNK)))
    }
    await Promise.all(chunks)
    const lostForMs = this.#lostAt === null ? 0 : performance.now() - this.#lostAt
    this.#lostAt = null
    for (const listener of this.#restored) listener(lostForMs)
  }
}

/** Any failure but a refusal means a broken connection, and `restore` makes it good on the next one. */
async function unlessAway(command: Promise<unknown>): Promise<void> {
  try {
    await command
  } catch (error) {
    if (error instanceof ReplyError) throw concealArguments(error)
  }
}
