import { Readable } from 'node:stream'
import { notificationAnswer } from '../answers.js'
import { callerOf, userFor } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { NotificationRecord } from '../ports.js'
import { EraseAnswer, UserParams } from '../schemas/users.js'

/** What data-protection law asks for: a copy of everything about a person, and its erasure. */
export function personalDataRoutes(api: Api, { personalData }: ServerOptions): void {
  api.get(
    '/users/:user_id/export',
    {
      schema: {
        summary: 'Export everything that is kept about a user',
        description: 'One notification a line (`application/x-ndjson`), oldest first.',
        tags: ['personal data'],
        params: UserParams,
      },
      config: { roles: ['user', 'admin'] },
    },
    async (request, reply) => {
      const user = userFor(callerOf(request), request.params.user_id, ['admin'])
      reply.header('content-type', 'application/x-ndjson; charset=utf-8')
      return reply.send(Readable.from(lines(personalData.export(user))))
    },
  )
  api.delete(
    '/users/:user_id',
    {
      schema: {
        summary: 'Erase everything that is kept about a user',
        description: 'What is being sent at this moment remains: ask again until `remaining` is 0.',
        tags: ['personal data'],
        params: UserParams,
        response: { 200: EraseAnswer },
      },
      config: { roles: ['admin'] },
    },
    async (request) => {
      const user = userFor(callerOf(request), request.params.user_id, ['admin'])
      return { user_id: user.userId, ...(await personalData.erase(user)) }
    },
  )
}

async function* lines(records: AsyncIterable<NotificationRecord>): AsyncGenerator<string> {
  for await (const record of records) yield `${JSON.stringify(notificationAnswer(record))}\n`
}
