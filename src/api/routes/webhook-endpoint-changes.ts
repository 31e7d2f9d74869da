import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readOverlap, requireUrl } from '../requests/webhook-endpoint.js'
import { IdParams } from '../schemas/notification.js'
import {
  RotationBody,
  WebhookEndpointAnswer,
  WebhookEndpointChangeBody,
  WebhookEndpointSecretAnswer,
} from '../schemas/webhook-endpoints.js'
import { endpointAnswer, secretAnswer } from '../webhook-endpoint-answers.js'
import { isId } from './ids.js'
import { noEndpoint } from './webhook-endpoints.js'

const USUAL_OVERLAP = '24h'

/** What is done with a webhook endpoint that exists. */
export function webhookEndpointChangeRoutes(api: Api, { webhookEndpoints, rules }: ServerOptions): void {
  const tags = ['webhook endpoints']
  const roles = ['sender', 'admin'] as const

  api.patch(
    '/webhook_endpoints/:id',
    {
      schema: {
        summary: 'Change, disable or enable a webhook endpoint',
        description: 'With another URL, what was known of the one before is forgotten; the secrets stay.',
        tags,
        params: IdParams,
        body: WebhookEndpointChangeBody,
        response: { 200: WebhookEndpointAnswer },
      },
      config: { roles, failures: ['not_found', 'conflict'] },
    },
    async (request) => {
      const { url, description, enabled = null } = request.body
      const change = { url: url === undefined ? null : requireUrl(url, rules), description, enabled }
      const { id } = request.params
      const { tenantId } = callerOf(request)
      const record = isId(id) ? await webhookEndpoints.change(tenantId, id, change) : null
      return endpointAnswer(record ?? noEndpoint())
    },
  )
  api.post(
    '/webhook_endpoints/:id/rotate',
    {
      schema: {
        summary: 'Give a webhook endpoint a new secret',
        description:
          'It is told this once. Until the overlap has passed, every call is signed with each secret that is valid; three can be.',
        tags,
        params: IdParams,
        body: RotationBody,
        response: { 200: WebhookEndpointSecretAnswer },
      },
      config: { roles, failures: ['not_found', 'conflict'] },
    },
    async (request) => {
      const overlap = readOverlap(request.body.overlap ?? USUAL_OVERLAP)
      const { id } = request.params
      const { tenantId } = callerOf(request)
      const rotated = isId(id) ? await webhookEndpoints.rotate(tenantId, id, overlap) : null
      return secretAnswer(rotated ?? noEndpoint())
    },
  )
}
