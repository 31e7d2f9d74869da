import { LRUCache } from 'lru-cache'
import { channelAnswer, summed } from '../answers.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { isoTime } from '../requests/time.js'
import { readWindow } from '../requests/window.js'
import { StatsAnswer, StatsQuery } from '../schemas/operations.js'
import { successRate, total } from '../status-counts.js'

const MAX_WINDOW_HOURS = 24
const CACHE_MS = 5_000
const MAX_CACHED = 1_000

/** `GET /stats`: what a tenant sent lately. Answers are up to five seconds old, however many ask. */
export function statsRoute(api: Api, { stats, rules }: ServerOptions): void {
  const recent = new LRUCache<string, Promise<StatsAnswer>>({ max: MAX_CACHED, ttl: CACHE_MS })

  const read = async (tenantId: string, window: string): Promise<StatsAnswer> => {
    const since = rules.clock.now() - readWindow(window, MAX_WINDOW_HOURS)
    const channels = await stats.read(tenantId, since)
    const statuses = summed(channels)
    return {
      tenant_id: tenantId,
      window,
      since: isoTime(since),
      total: total(statuses),
      success_rate: successRate(statuses),
      statuses,
      channels: channels.map(channelAnswer),
    }
  }

  api.get(
    '/stats',
    {
      schema: {
        summary: 'Success rate, channels and latency of the tenant',
        tags: ['operations'],
        querystring: StatsQuery,
        response: { 200: StatsAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const { tenantId } = callerOf(request)
      const window = request.query.window ?? '1h'
      const key = `${tenantId}\n${window}`
      const answer = recent.get(key) ?? read(tenantId, window)
      if (!recent.has(key)) {
        recent.set(key, answer)
        answer.catch(() => recent.delete(key))
      }
      return answer
    },
  )
}
