import { Failure } from '../../model/failure.js'
import { callerOf, userFor } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import type { DirectoryRecord } from '../ports.js'
import { readEntries, readEntry } from '../requests/directory.js'
import { readLocalPreferences, windowAnswer } from '../requests/local-preferences.js'
import { isoTime } from '../requests/time.js'
import {
  PreferencesAnswer,
  PreferencesBody,
  RecipientAnswer,
  RecipientBody,
  RecipientsAnswer,
  RecipientsBody,
} from '../schemas/recipients.js'
import { UserParams } from '../schemas/users.js'

/** The directory of recipients: who is behind a user id. */
export function recipientRoutes(
  api: Api,
  { directory, rules, quietHours, requestLimits }: ServerOptions,
): void {
  const tags = ['recipients']
  api.put(
    '/recipients/:user_id',
    {
      schema: {
        summary: 'Write what is known about a recipient',
        description: 'In place of what was known: what is left out is gone.',
        tags,
        params: UserParams,
        body: RecipientBody,
        response: { 200: RecipientAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const entry = readEntry(request.params.user_id, request.body, rules.checks.email)
      const [record] = await directory.put(callerOf(request).tenantId, [entry])
      return recipientAnswer(record ?? null)
    },
  )
  api.post(
    '/recipients',
    {
      bodyLimit: requestLimits.batchBodyLimitBytes,
      schema: {
        summary: 'Write what is known about up to 1000 recipients',
        description: 'All of them or, when one is wrong, none.',
        tags,
        body: RecipientsBody,
        response: { 200: RecipientsAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const entries = readEntries(request.body.recipients, rules.checks.email)
      return { written: (await directory.put(callerOf(request).tenantId, entries)).length }
    },
  )
  api.get(
    '/recipients/:user_id',
    {
      schema: {
        summary: 'Read what is known about a recipient',
        tags,
        params: UserParams,
        response: { 200: RecipientAnswer },
      },
      config: { roles: ['user', 'sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const user = userFor(callerOf(request), request.params.user_id, ['sender', 'admin'])
      return recipientAnswer(await directory.find(user))
    },
  )
  const config = { roles: ['user', 'sender', 'admin'] } as const
  api.put(
    '/users/:user_id/preferences',
    {
      schema: {
        summary: 'Change language, time zone and quiet hours',
        tags,
        params: UserParams,
        body: PreferencesBody,
        response: { 200: PreferencesAnswer },
      },
      config,
    },
    async (request) => {
      const user = userFor(callerOf(request), request.params.user_id, ['sender', 'admin'])
      const errors: { field: string; message: string }[] = []
      const changes = readLocalPreferences(request.body, '', errors)
      if (errors.length > 0) throw validationFailed(errors)
      return preferencesAnswer(user.userId, await directory.prefer(user, changes), quietHours)
    },
  )
  api.get(
    '/users/:user_id/preferences',
    {
      schema: {
        summary: 'Read language, time zone and quiet hours',
        tags,
        params: UserParams,
        response: { 200: PreferencesAnswer },
      },
      config,
    },
    async (request) => {
      const user = userFor(callerOf(request), request.params.user_id, ['sender', 'admin'])
      return preferencesAnswer(user.userId, await directory.find(user), quietHours)
    },
  )
}

export function recipientAnswer(record: DirectoryRecord | null): RecipientAnswer {
  if (record === null) throw new Failure('not_found', 'there is no such recipient')
  return {
    user_id: record.userId,
    email: record.email,
    phone: record.phone,
    locale: record.locale,
    timezone: record.timezone,
    quiet_hours: record.quietHours?.map(windowAnswer) ?? null,
    devices: record.devices.map(({ platform, token }) => ({ platform, token })),
    created_at: isoTime(record.createdAt),
    updated_at: isoTime(record.updatedAt),
  }
}

/** @param record null: as for somebody who has chosen nothing */
function preferencesAnswer(
  userId: string,
  record: DirectoryRecord | null,
  configured: ServerOptions['quietHours'],
): PreferencesAnswer {
  const own = record?.quietHours ?? null
  return {
    user_id: userId,
    locale: record?.locale ?? null,
    timezone: record?.timezone ?? null,
    quiet_hours: own?.map(windowAnswer) ?? null,
    effective: {
      timezone: record?.timezone ?? configured.timezone,
      quiet_hours: (own ?? configured.windows).map(windowAnswer),
    },
  }
}
