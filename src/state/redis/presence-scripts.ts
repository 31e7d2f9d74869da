import type { Result } from 'ioredis'

/** Users have sockets, for another ARGV[1] seconds by Redis' clock. KEYS: expiries, ids. ARGV: seconds, then user ids. */
const seePresent = {
  numberOfKeys: 2,
  lua: `
local expiry = redis.call('TIME')[1] + ARGV[1]
local seen, ids = {}, {}
for i = 2, #ARGV do
  seen[2 * i - 3], seen[2 * i - 2] = expiry, ARGV[i]
  ids[2 * i - 3], ids[2 * i - 2] = 0, ARGV[i]
end
redis.call('ZADD', KEYS[1], unpack(seen))
redis.call('ZADD', KEYS[2], unpack(ids))
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])`,
}

/**
 * Removes the users whose channel has no subscriber: nobody can subscribe between the look and the removal.
 * KEYS: expiries, ids. ARGV: user id and channel, in turn.
 */
const leavePresence = {
  numberOfKeys: 2,
  lua: `
for i = 1, #ARGV, 2 do
  if redis.call('PUBSUB', 'NUMSUB', ARGV[i + 1])[2] == 0 then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end`,
}

/**
 * Removes up to 1000 users who were not seen for too long, and gives the number of the others and up to ARGV[2] ids
 * from ARGV[1] on. KEYS: expiries, ids.
 */
const listPresence = {
  numberOfKeys: 2,
  lua: `
local now = redis.call('TIME')[1]
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #expired > 0 then
  redis.call('ZREM', KEYS[1], unpack(expired))
  redis.call('ZREM', KEYS[2], unpack(expired))
end
return {
  redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf'),
  redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
}`,
}

export const PRESENCE_SCRIPTS = { seePresent, leavePresence, listPresence }

declare module 'ioredis' {
  interface RedisCommander<Context> {
    seePresent(
      seen: string,
      ids: string,
      seconds: number,
      ...userIds: readonly string[]
    ): Result<null, Context>
    leavePresence(seen: string, ids: string, ...usersAndChannels: readonly string[]): Result<null, Context>
    listPresence(
      seen: string,
      ids: string,
      from: string,
      max: number,
    ): Result<[count: number, userIds: string[]], Context>
  }
}
