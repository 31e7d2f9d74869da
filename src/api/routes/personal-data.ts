import { Readable } from 'node:stream'
import type { UserAddress } from '../../streams/ports.js'
import { notificationAnswer } from '../answers.js'
import { callerOf, userFor } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { PersonalData, Profile } from '../ports.js'
import { EraseAnswer, UserParams } from '../schemas/users.js'
import { blockAnswer } from './blocklist.js'
import { recipientAnswer } from './recipients.js'
import { ruleAnswer } from './subscriptions.js'
import { suppressionAnswer } from './suppressions.js'

/** What data-protection law asks for: a copy of everything about a person, and its erasure. */
export function personalDataRoutes(api: Api, { personalData }: ServerOptions): void {
  api.get(
    '/users/:user_id/export',
    {
      schema: {
        summary: 'Export everything that is kept about a user',
        description:
          'Lines of JSON (`application/x-ndjson`): first, where anything is known, one of the kind `recipient` with the directory entry and the subscriptions, then the notifications, oldest first.',
        tags: ['personal data'],
        params: UserParams,
      },
      config: { roles: ['user', 'admin'] },
    },
    async (request, reply) => {
      const user = userFor(callerOf(request), request.params.user_id, ['admin'])
      reply.header('content-type', 'application/x-ndjson; charset=utf-8')
      return reply.send(Readable.from(lines(personalData, user)))
    },
  )
  api.delete(
    '/users/:user_id',
    {
      schema: {
        summary: 'Erase everything that is kept about a user',
        description:
          'Notifications, directory entry, subscriptions. What is being sent at this moment remains: ask again until `remaining` is 0. The blocklist and the suppression list stay: they keep the service from writing.',
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

async function* lines(personalData: PersonalData, user: UserAddress): AsyncGenerator<string> {
  const profile = await personalData.profile(user)
  if (profile !== null) yield `${JSON.stringify(profileLine(user, profile))}\n`
  for await (const record of personalData.export(user))
    yield `${JSON.stringify(notificationAnswer(record))}\n`
}

const profileLine = (
  user: UserAddress,
  { entry, subscriptions, blocked, suppressions }: Profile,
): object => ({
  kind: 'recipient',
  tenant_id: user.tenantId,
  user_id: user.userId,
  directory: entry === null ? null : recipientAnswer(entry),
  subscriptions: subscriptions.map(ruleAnswer),
  blocked: blocked === null ? null : blockAnswer(blocked),
  suppressions: suppressions.map(suppressionAnswer),
})
