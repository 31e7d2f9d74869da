import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readTemplateId } from '../requests/template-id.js'
import { readTemplateTexts } from '../requests/template-texts.js'
import { Nothing } from '../schemas/blocklist.js'
import { IdParams } from '../schemas/notification.js'
import {
  CreateTemplateBody,
  TemplateAnswer,
  TemplatesAnswer,
  TemplatesQuery,
  UpdateTemplateBody,
} from '../schemas/templates.js'
import { TEXT_FAILURES } from './failures.js'
import { isId } from './ids.js'
import { found, summaryAnswer, templateAnswer } from './templates-answers.js'

const PAGE = 20

/** The texts that are sent, kept under a name. Writing adds a version; nothing that was sent is lost. */
export function templateRoutes(api: Api, { templates, inspector, templateLocale }: ServerOptions): void {
  const tags = ['templates']
  api.post(
    '/templates',
    {
      schema: {
        summary: 'Write a new template',
        description: 'It is sent once an admin has approved it, or at once where the configuration says so.',
        tags,
        body: CreateTemplateBody,
        response: { 201: TemplateAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: [...TEXT_FAILURES, 'conflict'] },
    },
    async (request, reply) => {
      const { tenant_id, name, channel, ...texts } = request.body
      const { tenantId, subject } = callerOf(request)
      requireTenant(callerOf(request), tenant_id)
      const id = readTemplateId(request.body)
      const owner = { tenantId, templateId: id ?? '', channelOf: async () => channel }
      const template = {
        id,
        name,
        channel,
        texts: await readTemplateTexts(texts, owner, templateLocale, inspector),
      }
      return reply.code(201).send(templateAnswer(await templates.create(tenantId, template, subject)))
    },
  )
  api.get(
    '/templates',
    {
      schema: {
        summary: 'List the templates',
        tags,
        querystring: TemplatesQuery,
        response: { 200: TemplatesAnswer },
      },
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      const { limit = PAGE, cursor = null, channel = null } = request.query
      const page = await templates.list(callerOf(request).tenantId, channel, { limit, cursor })
      return { templates: page.items.map(summaryAnswer), next_cursor: page.nextCursor }
    },
  )
  api.get(
    '/templates/:id',
    {
      schema: {
        summary: 'Read a template and its newest version',
        tags,
        params: IdParams,
        response: { 200: TemplateAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const template = isId(id) ? await templates.find(callerOf(request).tenantId, id) : null
      return templateAnswer(found(template, 'template'))
    },
  )
  api.put(
    '/templates/:id',
    {
      schema: {
        summary: 'Write a new version of a template',
        description: 'What is sent stays as it is until the new version is approved.',
        tags,
        params: IdParams,
        body: UpdateTemplateBody,
        response: { 200: TemplateAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: [...TEXT_FAILURES, 'not_found', 'conflict'] },
    },
    async (request) => {
      const { tenant_id, name = null, ...body } = request.body
      const { tenantId, subject } = callerOf(request)
      const { id } = request.params
      if (tenant_id !== undefined) requireTenant(callerOf(request), tenant_id)
      const find = () => (isId(id) ? templates.find(tenantId, id) : null)
      const owner = { tenantId, templateId: id, channelOf: async () => (await find())?.channel ?? null }
      const texts = await readTemplateTexts(body, owner, templateLocale, inspector)
      const template = isId(id) ? await templates.update(tenantId, id, { name, texts }, subject) : null
      return templateAnswer(found(template, 'template'))
    },
  )
  api.delete(
    '/templates/:id',
    {
      schema: {
        summary: 'Delete a template with all its versions',
        tags,
        params: IdParams,
        response: { 204: Nothing },
      },
      config: { roles: ['admin'], failures: ['not_found'] },
    },
    async (request, reply) => {
      const { id } = request.params
      const removed = isId(id) && (await templates.remove(callerOf(request).tenantId, id))
      found(removed || null, 'template')
      return reply.code(204).send(null)
    },
  )
}
