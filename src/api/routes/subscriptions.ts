import { MANDATORY } from '../../model/recipient.js'
import { callerOf, userFor } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import type { SubscriptionRecord } from '../ports.js'
import { readFilter, readRules } from '../requests/subscriptions.js'
import { isoTime } from '../requests/time.js'
import {
  RemovedAnswer,
  RemovedQuery,
  type RuleAnswer,
  SubscriptionsAnswer,
  SubscriptionsBody,
  SubscriptionsQuery,
  UnsubscribeAnswer,
  UnsubscribeBody,
} from '../schemas/subscriptions.js'
import { UserParams } from '../schemas/users.js'

/** What users have decided about what they are sent. */
export function subscriptionRoutes(api: Api, { preferences, groups }: ServerOptions): void {
  const tags = ['subscriptions']
  const config = { roles: ['user', 'sender', 'admin'] } as const
  api.put(
    '/subscriptions',
    {
      schema: {
        summary: 'Decide about types, groups and channels',
        description: 'What is not named stays as it is. At most 500 for each user.',
        tags,
        body: SubscriptionsBody,
        response: { 200: SubscriptionsAnswer },
      },
      config,
    },
    async (request) => {
      const { body } = request
      const user = userFor(callerOf(request), body.user_id, ['sender', 'admin'])
      const rules = await preferences.put(user, readRules(body.subscriptions, groups))
      return { user_id: user.userId, subscriptions: rules.map(ruleAnswer) }
    },
  )
  api.get(
    '/subscriptions',
    {
      schema: {
        summary: 'List what a user has decided',
        tags,
        querystring: SubscriptionsQuery,
        response: { 200: SubscriptionsAnswer },
      },
      config,
    },
    async (request) => {
      const user = userFor(callerOf(request), request.query.user_id, ['sender', 'admin'])
      return { user_id: user.userId, subscriptions: (await preferences.list(user)).map(ruleAnswer) }
    },
  )
  api.delete(
    '/subscriptions',
    {
      schema: {
        summary: 'Take decisions back',
        description: 'Those that fit everything that is named; with only a user, all of them.',
        tags,
        querystring: RemovedQuery,
        response: { 200: RemovedAnswer },
      },
      config,
    },
    async (request) => {
      const user = userFor(callerOf(request), request.query.user_id, ['sender', 'admin'])
      return { user_id: user.userId, removed: await preferences.remove(user, readFilter(request.query)) }
    },
  )
  api.post(
    '/users/:user_id/unsubscribe',
    {
      schema: {
        summary: 'Turn off a group with everything in it',
        description: 'By every channel, also types in it that were turned on by themselves.',
        tags,
        params: UserParams,
        body: UnsubscribeBody,
        response: { 200: UnsubscribeAnswer },
      },
      config,
    },
    async (request) => {
      const { group } = request.body
      const user = userFor(callerOf(request), request.params.user_id, ['sender', 'admin'])
      if (group === MANDATORY) {
        throw validationFailed([
          { field: '/group', message: `must not be ${MANDATORY}: that cannot be turned off` },
        ])
      }
      await preferences.unsubscribe(user, { kind: 'group', group }, null)
      return { user_id: user.userId, group }
    },
  )
}

export const ruleAnswer = (rule: SubscriptionRecord): RuleAnswer => ({
  notification_type: rule.scope === 'type' ? rule.name : null,
  group: rule.scope === 'group' ? rule.name : null,
  channel: rule.channel,
  enabled: rule.enabled,
  frequency: rule.frequency,
  updated_at: isoTime(rule.updatedAt),
})
