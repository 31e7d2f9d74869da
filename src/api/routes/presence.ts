import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import { readUserIds } from '../requests/user-ids.js'
import { PresenceAnswer, PresenceQuery } from '../schemas/presence.js'

const PAGE = 100

/** `GET /presence`: who has a socket open, in whichever instance. */
export function presenceRoute(api: Api, { presence }: ServerOptions): void {
  api.get(
    '/presence',
    {
      schema: {
        summary: 'Tell who is online',
        description: 'With user_ids, of each whether they have a socket open; else everybody who has.',
        tags: ['presence'],
        querystring: PresenceQuery,
        response: { 200: PresenceAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const { tenantId } = callerOf(request)
      const { user_ids, limit, cursor } = request.query
      if (user_ids === undefined) {
        const page = await presence.list(tenantId, { limit: limit ?? PAGE, cursor: cursor ?? null })
        return {
          users: page.userIds.map((user_id) => ({ user_id, online: true })),
          online_count: page.count,
          next_cursor: page.nextCursor,
        }
      }
      for (const [name, value] of Object.entries({ limit, cursor })) {
        if (value !== undefined) {
          throw validationFailed([{ field: `/${name}`, message: 'is for the list of all, without user_ids' }])
        }
      }
      const asked = readUserIds(user_ids)
      const online = await presence.online(tenantId, asked)
      return { users: asked.map((user_id, n) => ({ user_id, online: online[n] ?? false })) }
    },
  )
}
