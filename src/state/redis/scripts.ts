import type { Result } from 'ioredis'
import { PRESENCE_SCRIPTS } from './presence-scripts.js'

/**
 * A lane is a queue with a turn for each flow, which is a tenant and a priority: self-clocked fair queueing
 * (Golestani, INFOCOM 1994). An entry's place is one step behind the last of its flow, or behind the place that
 * was taken last where the flow is empty. A member is `<id> <flow>`, a flow `<step> <tenant>`.
 * KEYS: lane, turns (the last place of each flow; of the field "", the place that was taken last), held (how
 * many each tenant has). ARGV: id, step and tenant of each entry.
 */
const pushReady = {
  numberOfKeys: 3,
  lua: `
local taken = tonumber(redis.call('HGET', KEYS[2], '') or '0')
for i = 1, #ARGV, 3 do
  local flow = ARGV[i + 1] .. ' ' .. ARGV[i + 2]
  local member = ARGV[i] .. ' ' .. flow
  if not redis.call('ZSCORE', KEYS[1], member) then
    local last = tonumber(redis.call('HGET', KEYS[2], flow) or '0')
    local place = string.format('%.0f', math.max(last, taken) + tonumber(ARGV[i + 1]))
    redis.call('ZADD', KEYS[1], place, member)
    redis.call('HSET', KEYS[2], flow, place)
    redis.call('HINCRBY', KEYS[3], ARGV[i + 2], 1)
  end
end`,
}

/**
 * Pops up to ARGV[1] ids: from the critical lane first, then from the ready lane.
 * KEYS: critical lane, its turns, ready lane, its turns, held. A lane that is empty begins anew.
 */
const takeReady = {
  numberOfKeys: 5,
  lua: `
local ids = {}
for lane = 1, 3, 2 do
  local room = tonumber(ARGV[1]) - #ids
  local popped = room > 0 and redis.call('ZPOPMIN', KEYS[lane], room) or {}
  for i = 1, #popped, 2 do
    local id, flow, tenant = string.match(popped[i], '^(%S+) (%d+ (.*))$')
    ids[#ids + 1] = id or popped[i]
    if id then
      if redis.call('HGET', KEYS[lane + 1], flow) == popped[i + 1] then redis.call('HDEL', KEYS[lane + 1], flow) end
      if redis.call('HINCRBY', KEYS[5], tenant, -1) <= 0 then redis.call('HDEL', KEYS[5], tenant) end
    end
  end
  if #popped > 0 then
    if redis.call('EXISTS', KEYS[lane]) == 0 then redis.call('DEL', KEYS[lane + 1])
    else redis.call('HSET', KEYS[lane + 1], '', popped[#popped]) end
  end
end
return ids`,
}

/**
 * Moves what is due at ARGV[1], up to ARGV[3] of it, into a lane in which each tenant has its turn, and pops up to
 * ARGV[2] ids there. What is due is what ZPOPMIN gives first; a member is `<id> <flow>` here, too.
 * KEYS: delay set, lane, its turns.
 */
const takeDue = {
  numberOfKeys: 3,
  lua: `
local due = math.min(redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]), tonumber(ARGV[3]))
if due > 0 then
  local taken = tonumber(redis.call('HGET', KEYS[3], '') or '0')
  local moved = redis.call('ZPOPMIN', KEYS[1], due)
  for i = 1, #moved, 2 do
    local flow = string.match(moved[i], '^%S+ (.*)$') or ' '
    local last = tonumber(redis.call('HGET', KEYS[3], flow) or '0')
    local place = string.format('%.0f', math.max(last, taken) + 1)
    if redis.call('ZADD', KEYS[2], 'NX', place, moved[i]) == 1 then redis.call('HSET', KEYS[3], flow, place) end
  end
end
local ids = {}
local popped = redis.call('ZPOPMIN', KEYS[2], ARGV[2])
for i = 1, #popped, 2 do
  local id, flow = string.match(popped[i], '^(%S+) (.*)$')
  ids[#ids + 1] = id or popped[i]
  if flow and redis.call('HGET', KEYS[3], flow) == popped[i + 1] then redis.call('HDEL', KEYS[3], flow) end
end
if #popped > 0 then
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[3])
  else redis.call('HSET', KEYS[3], '', popped[#popped]) end
end
return ids`,
}

/**
 * Counts as many of ARGV[1] as both windows have room for, and returns how many.
 * KEYS: hour, day. ARGV: wanted, limit of the hour, limit of the day, seconds to keep each.
 */
const countSends = {
  numberOfKeys: 2,
  lua: `
local granted = tonumber(ARGV[1])
for i, window in ipairs(KEYS) do
  granted = math.min(granted, tonumber(ARGV[1 + i]) - tonumber(redis.call('GET', window) or '0'))
end
if granted <= 0 then return 0 end
for i, window in ipairs(KEYS) do
  if redis.call('INCRBY', window, granted) == granted then redis.call('EXPIRE', window, ARGV[3 + i]) end
end
return granted`,
}

/**
 * Takes ARGV[2] places, not before place ARGV[1], and returns the first of them. A place lasts ARGV[3] seconds;
 * the key is kept ARGV[4] seconds longer. KEYS: the next free place.
 */
const takePlaces = {
  numberOfKeys: 1,
  lua: `
local first = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
local next = first + tonumber(ARGV[2])
local keep = math.ceil((next - tonumber(ARGV[1])) * tonumber(ARGV[3])) + tonumber(ARGV[4])
redis.call('SET', KEYS[1], string.format('%.0f', next), 'EX', keep)
return first`,
}

/**
 * Adds ARGV[1] to a count that is known and ends any load under way. A count with more than
 * ARGV[2] ms to live was loaded so lately that it may hold the change already: it is forgotten.
 * KEYS: count, lease.
 */
const changeUnread = {
  numberOfKeys: 2,
  lua: `
redis.call('DEL', KEYS[2])
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left <= tonumber(ARGV[2]) then
  local count = redis.call('INCRBY', KEYS[1], ARGV[1])
  if count >= 0 then return count end
end
if left ~= -2 then redis.call('DEL', KEYS[1]) end
return false`,
}

/** The count, or the beginning of a load by ARGV[1] that may take ARGV[2] ms. KEYS: count, lease. */
const readUnread = {
  numberOfKeys: 2,
  lua: `
local count = redis.call('GET', KEYS[1])
if not count then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return count`,
}

/** Keeps the loaded count ARGV[2] for ARGV[3] ms if the load of ARGV[1] is still the one. KEYS: count, lease. */
const storeUnread = {
  numberOfKeys: 2,
  lua: `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`,
}

export const SCRIPTS = {
  pushReady,
  takeReady,
  takeDue,
  countSends,
  takePlaces,
  changeUnread,
  readUnread,
  storeUnread,
  ...PRESENCE_SCRIPTS,
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    pushReady(
      lane: string,
      turns: string,
      held: string,
      ...entries: readonly (string | number)[]
    ): Result<null, Context>
    takeReady(
      critical: string,
      criticalTurns: string,
      ready: string,
      readyTurns: string,
      held: string,
      max: number,
    ): Result<string[], Context>
    takeDue(
      delay: string,
      lane: string,
      turns: string,
      now: number,
      max: number,
      moved: number,
    ): Result<string[], Context>
    countSends(
      hour: string,
      day: string,
      wanted: number,
      perHour: number,
      perDay: number,
      hourTtl: number,
      dayTtl: number,
    ): Result<number, Context>
    takePlaces(
      next: string,
      current: number,
      count: number,
      placeSeconds: number,
      slackSeconds: number,
    ): Result<number, Context>
    changeUnread(
      count: string,
      lease: string,
      delta: number,
      oldestMs: number,
    ): Result<number | null, Context>
    readUnread(count: string, lease: string, token: string, leaseMs: number): Result<string | null, Context>
    storeUnread(
      count: string,
      lease: string,
      token: string,
      value: number,
      ttlMs: number,
    ): Result<number, Context>
  }
}
