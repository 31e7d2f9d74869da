import rateLimit from '@fastify/rate-limit'
import { Failure } from '../../model/failure.js'
import { asksForHtml } from '../http/accepts.js'
import type { Api } from '../http/api.js'
import { acceptForms, FORM_TYPES } from '../http/form-body.js'
import type { ServerOptions } from '../options.js'
import { answerPeople, languageFor, show } from '../pages/for-people.js'
import { donePage, questionPage, type Scope, type Unsubscribing, usedPage } from '../pages/unsubscribe.js'
import type { Unwanted } from '../ports.js'
import { linkReader } from '../requests/unsubscribe-link.js'
import { UnsubscribeAnswer, UnsubscribeForm, UnsubscribeQuery } from '../schemas/unsubscribe.js'

/** Links and addresses that are counted at once; the least recent is forgotten first. */
const COUNTED = 10_000

const HTML = { schema: { type: 'string' } } as const

/** What the links in messages lead to: open to everybody who holds one, without a login, a cookie or a redirect. */
export async function unsubscribeRoutes(api: Api, options: ServerOptions): Promise<void> {
  const { preferences, unsubscribeLinks, telemetry } = options
  acceptForms(api)
  answerPeople(api)
  await api.register(rateLimit, { global: false, cache: COUNTED })
  const read = linkReader(api, unsubscribeLinks)
  const schema = { tags: ['preferences'], security: [], querystring: UnsubscribeQuery }

  api.get(
    '/unsubscribe',
    {
      schema: {
        ...schema,
        summary: 'Ask what is to be turned off',
        description: 'A page for people. Changes nothing: mail filters open links by themselves.',
        response: { 200: { description: 'Success', content: { 'text/html': HTML } } },
      },
      config: { failures: ['validation_failed', 'conflict', 'rate_limited'] },
    },
    async (request, reply) => {
      const language = languageFor(request)
      return show(reply, language, questionPage(language, await read(request)))
    },
  )
  api.post(
    '/unsubscribe',
    {
      schema: {
        ...schema,
        summary: 'Unsubscribe by the link in a message',
        description:
          'In one click (RFC 8058), or as the page asks. A second use of a link for the same scope changes nothing, whatever the recipient has decided since. Answers with a page where text/html is accepted.',
        consumes: FORM_TYPES,
        body: UnsubscribeForm,
        response: {
          200: {
            description: 'Success',
            content: { 'application/json': { schema: UnsubscribeAnswer }, 'text/html': HTML },
          },
        },
      },
      config: {
        failures: [
          'validation_failed',
          'conflict',
          'payload_too_large',
          'unsupported_media_type',
          'rate_limited',
          'internal',
          'store_unavailable',
        ],
      },
    },
    async (request, reply) => {
      const unsubscribing = await read(request)
      const { link, group } = unsubscribing
      const scope = scopeOf(request.body)
      const { tenantId, userId, notificationId, channel } = link
      const outcome = await preferences.unsubscribe({ tenantId, userId }, unwanted(unsubscribing, scope), {
        notificationId,
      })
      const done = outcome === 'done'
      if (done) {
        const fields = { tenant_id: tenantId, notification_id: notificationId, channel, scope }
        telemetry.log.event('recipient.unsubscribed', fields)
      }
      if (asksForHtml(request.headers.accept)) {
        const language = languageFor(request)
        return show(reply, language, done ? donePage(language, unsubscribing, scope) : usedPage(language))
      }
      return {
        status: done ? ('unsubscribed' as const) : ('already' as const),
        scope,
        notification_type: link.notificationType,
        channel,
        group,
      }
    },
  )
}

function scopeOf(form: { readonly 'List-Unsubscribe'?: string; readonly scope?: Scope }): Scope {
  if (form.scope !== undefined) return form.scope
  if (form['List-Unsubscribe'] !== undefined) return 'type'
  throw Failure.field(
    'validation_failed',
    '/List-Unsubscribe',
    'must be One-Click, or scope be type or group',
  )
}

const unwanted = ({ link, group }: Unsubscribing, scope: Scope): Unwanted =>
  scope === 'group'
    ? { kind: 'group', group }
    : { kind: 'type', notificationType: link.notificationType, channel: link.channel }
