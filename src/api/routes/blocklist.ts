import { Failure } from '../../model/failure.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { BlockRecord } from '../ports.js'
import { isoTime } from '../requests/time.js'
import {
  type BlockAnswer,
  BlockBody,
  BlocklistAnswer,
  BlockAnswer as BlockSchema,
  Nothing,
  PageQuery,
} from '../schemas/blocklist.js'
import { UserParams } from '../schemas/users.js'

const PAGE = 20

/** Users to whom nothing is sent, by decision of the operator. */
export function blocklistRoutes(api: Api, { blocklist }: ServerOptions): void {
  const tags = ['blocklist']
  api.put(
    '/blocklist/:user_id',
    {
      schema: {
        summary: 'Send nothing more to a user',
        description: 'Nothing at all: critical and system notifications are suppressed as well.',
        tags,
        params: UserParams,
        body: BlockBody,
        response: { 200: BlockSchema },
      },
      config: { roles: ['admin'] },
    },
    async (request) => {
      const { tenantId, subject } = callerOf(request)
      const user = { tenantId, userId: request.params.user_id }
      return blockAnswer(await blocklist.add(user, request.body?.reason ?? null, subject))
    },
  )
  api.delete(
    '/blocklist/:user_id',
    {
      schema: { summary: 'Send to a user again', tags, params: UserParams, response: { 204: Nothing } },
      config: { roles: ['admin'], failures: ['not_found'] },
    },
    async (request, reply) => {
      const { tenantId } = callerOf(request)
      const removed = await blocklist.remove({ tenantId, userId: request.params.user_id })
      if (!removed) throw new Failure('not_found', 'the user is not on the blocklist')
      return reply.code(204).send(null)
    },
  )
  api.get(
    '/blocklist',
    {
      schema: {
        summary: 'List the users to whom nothing is sent',
        tags,
        querystring: PageQuery,
        response: { 200: BlocklistAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const { limit = PAGE, cursor = null } = request.query
      const page = await blocklist.list(callerOf(request).tenantId, { limit, cursor })
      return { blocked: page.items.map(blockAnswer), next_cursor: page.nextCursor }
    },
  )
}

export const blockAnswer = (record: BlockRecord): BlockAnswer => ({
  user_id: record.userId,
  reason: record.reason,
  created_by: record.createdBy,
  created_at: isoTime(record.createdAt),
})
