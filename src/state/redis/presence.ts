import type { Redis } from 'ioredis'
import { Failure } from '../../model/failure.js'
import type { OnlineQuery, OnlineUsers, Presence, UserAddress } from '../../streams/ports.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { RedisConnection } from './connection.js'

/** Three times as long as the pause between two calls of `present`. */
const FORGOTTEN_AFTER_S = 90
/** Users named in one script call. */
const CHUNK = 500
const RETRY_AFTER_MS = 3_000

/**
 * Who is online is whose channel of the relay has subscribers, in any instance: exact, and gone with a connection.
 * Redis cannot list channels in pages, so that besides there are two sorted sets for each tenant: the users in the
 * order of their ids, and when each is to be forgotten. What they show is compared with the subscriptions.
 */
export class RedisPresence implements Presence {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  async present(users: readonly UserAddress[]): Promise<void> {
    await this.#inChunks(users, (redis, seen, ids, userIds) =>
      redis.seePresent(seen, ids, FORGOTTEN_AFTER_S, ...userIds),
    )
  }

  async left(users: readonly UserAddress[]): Promise<void> {
    const { keys } = this.#connection
    await this.#inChunks(users, (redis, seen, ids, userIds, tenantId) =>
      redis.leavePresence(
        seen,
        ids,
        ...userIds.flatMap((userId) => [userId, keys.userFrames({ tenantId, userId })]),
      ),
    )
  }

  async online(tenantId: string, userIds: readonly string[]): Promise<readonly boolean[]> {
    return this.#ask((redis) => this.#subscribed(redis, tenantId, userIds))
  }

  async list(tenantId: string, { limit, cursor }: OnlineQuery): Promise<OnlineUsers> {
    const { keys } = this.#connection
    const [after] = readCursor(cursor, 1)
    const from = after === undefined || after === '' ? '-' : `(${after}`
    return this.#ask(async (redis) => {
      const [seen, users] = [keys.presenceSeen(tenantId), keys.presenceUsers(tenantId)]
      const [count, found] = await redis.listPresence(seen, users, from, limit + 1)
      const page = found.slice(0, limit)
      const online = page.length === 0 ? [] : await this.#subscribed(redis, tenantId, page)
      const gone = page.filter((_, n) => online[n] !== true).map((userId) => ({ tenantId, userId }))
      if (gone.length > 0) await this.left(gone)
      const counted = gone.length > 0 ? await redis.listPresence(seen, users, from, 0) : null
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        userIds: page.filter((_, n) => online[n] === true),
        nextCursor: last === undefined ? null : cursorOf([last]),
        count: counted?.[0] ?? count,
      }
    })
  }

  /** NUMSUB answers with the channels and their numbers in turn. */
  async #subscribed(redis: Redis, tenantId: string, userIds: readonly string[]): Promise<readonly boolean[]> {
    const { keys } = this.#connection
    const channels = userIds.map((userId) => keys.userFrames({ tenantId, userId }))
    const counts = await redis.pubsub('NUMSUB', ...channels)
    return userIds.map((_, n) => Number(counts[2 * n + 1]) > 0)
  }

  /** Rejects with `store_unavailable` until the instances have told a Redis that came back what they have. */
  async #ask<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.#connection.isSettled) throw away()
    try {
      return await this.#connection.run(work)
    } catch (cause) {
      throw away(cause)
    }
  }

  async #inChunks(
    users: readonly UserAddress[],
    work: (
      redis: Redis,
      seen: string,
      ids: string,
      userIds: readonly string[],
      tenantId: string,
    ) => Promise<unknown>,
  ): Promise<void> {
    const { keys } = this.#connection
    await this.#connection.run((redis) => {
      const calls: Promise<unknown>[] = []
      for (const { tenantId, userIds } of byTenant(users)) {
        const [seen, ids] = [keys.presenceSeen(tenantId), keys.presenceUsers(tenantId)]
        for (let from = 0; from < userIds.length; from += CHUNK) {
          calls.push(work(redis, seen, ids, userIds.slice(from, from + CHUNK), tenantId))
        }
      }
      return Promise.all(calls)
    })
  }
}

function byTenant(users: readonly UserAddress[]) {
  const tenants = new Map<string, { readonly tenantId: string; readonly userIds: string[] }>()
  for (const { tenantId, userId } of users) {
    const tenant = tenants.get(tenantId)
    if (tenant === undefined) tenants.set(tenantId, { tenantId, userIds: [userId] })
    else tenant.userIds.push(userId)
  }
  return tenants.values()
}

const away = (cause?: unknown): Failure =>
  new Failure('store_unavailable', 'who is online is not known at the moment', {
    retryAfterMs: RETRY_AFTER_MS,
    ...(cause === undefined ? {} : { cause }),
  })
