import { LRUCache } from 'lru-cache'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { isoTime } from '../requests/time.js'
import { readWindow } from '../requests/window.js'
import { IdParams } from '../schemas/notification.js'
import { TemplateStatsAnswer, TemplateStatsQuery } from '../schemas/templates.js'
import { isId } from './ids.js'
import { found, variantStatsAnswer } from './templates-answers.js'

const MAX_WINDOW_HOURS = 720
const CACHE_MS = 5_000
const MAX_CACHED = 1_000

/** What became of what was made of each variant. Answers are up to five seconds old, however many ask. */
export function templateStatsRoute(api: Api, { templates, rules }: ServerOptions): void {
  const recent = new LRUCache<string, Promise<TemplateStatsAnswer>>({ max: MAX_CACHED, ttl: CACHE_MS })

  const read = async (tenantId: string, id: string, window: string): Promise<TemplateStatsAnswer> => {
    const since = rules.clock.now() - readWindow(window, MAX_WINDOW_HOURS)
    const variants = found(isId(id) ? await templates.stats(tenantId, id, since) : null, 'template')
    return { id, window, since: isoTime(since), variants: variants.map(variantStatsAnswer) }
  }

  api.get(
    '/templates/:id/stats',
    {
      schema: {
        summary: 'Compare the variants of a template',
        tags: ['templates'],
        params: IdParams,
        querystring: TemplateStatsQuery,
        response: { 200: TemplateStatsAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const { tenantId } = callerOf(request)
      const { window = '24h' } = request.query
      const { id } = request.params
      const key = `${tenantId}\n${id}\n${window}`
      const answer = recent.get(key) ?? read(tenantId, id, window)
      if (!recent.has(key)) {
        recent.set(key, answer)
        answer.catch(() => recent.delete(key))
      }
      return answer
    },
  )
}
