import { Failure } from '../../model/failure.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { requireUrl } from '../requests/webhook-endpoint.js'
import { Nothing, PageQuery } from '../schemas/blocklist.js'
import { IdParams } from '../schemas/notification.js'
import {
  WebhookEndpointAnswer,
  WebhookEndpointBody,
  WebhookEndpointSecretAnswer,
  WebhookEndpointsAnswer,
} from '../schemas/webhook-endpoints.js'
import { endpointAnswer, secretAnswer } from '../webhook-endpoint-answers.js'
import { isId } from './ids.js'

const PAGE = 20

/** The webhook endpoints of a tenant, each with secrets of its own. */
export function webhookEndpointRoutes(api: Api, { webhookEndpoints, rules }: ServerOptions): void {
  const tags = ['webhook endpoints']
  const roles = ['sender', 'admin'] as const

  api.post(
    '/webhook_endpoints',
    {
      schema: {
        summary: 'Register a webhook endpoint',
        description:
          'What is sent to its URL is signed with its secret, which is told this once. A tenant has at most 1000.',
        tags,
        body: WebhookEndpointBody,
        response: { 200: WebhookEndpointSecretAnswer },
      },
      config: { roles, failures: ['conflict'] },
    },
    async (request) => {
      const { tenantId, subject } = callerOf(request)
      const { url, description = null, enabled = null } = request.body
      const endpoint = { url: requireUrl(url, rules), description, enabled }
      return secretAnswer(await webhookEndpoints.create(tenantId, endpoint, subject))
    },
  )
  api.get(
    '/webhook_endpoints',
    {
      schema: {
        summary: 'List the webhook endpoints, oldest first',
        tags,
        querystring: PageQuery,
        response: { 200: WebhookEndpointsAnswer },
      },
      config: { roles },
    },
    async (request) => {
      const { limit = PAGE, cursor = null } = request.query
      const page = await webhookEndpoints.list(callerOf(request).tenantId, { limit, cursor })
      return { webhook_endpoints: page.items.map(endpointAnswer), next_cursor: page.nextCursor }
    },
  )
  api.get(
    '/webhook_endpoints/:id',
    {
      schema: {
        summary: 'Read a webhook endpoint and how it fares',
        tags,
        params: IdParams,
        response: { 200: WebhookEndpointAnswer },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const record = isId(id) ? await webhookEndpoints.find(callerOf(request).tenantId, id) : null
      return endpointAnswer(record ?? noEndpoint())
    },
  )
  api.delete(
    '/webhook_endpoints/:id',
    {
      schema: {
        summary: 'Delete a webhook endpoint with its secrets',
        description: 'What is sent to its URL afterwards is signed with the secret of the service.',
        tags,
        params: IdParams,
        response: { 204: Nothing },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!isId(id) || !(await webhookEndpoints.remove(callerOf(request).tenantId, id))) noEndpoint()
      return reply.code(204).send(null)
    },
  )
}

export function noEndpoint(): never {
  throw new Failure('not_found', 'there is no such webhook endpoint')
}
