import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { VersionKey } from '../ports.js'
import { PageQuery } from '../schemas/blocklist.js'
import { IdParams } from '../schemas/notification.js'
import { RejectBody, VersionAnswer, VersionParams, VersionsAnswer } from '../schemas/templates.js'
import { isId } from './ids.js'
import { found, reviewAnswer, versionAnswer } from './templates-answers.js'

const PAGE = 20

/** The versions of a template, and who decides which of them is sent. */
export function templateVersionRoutes(api: Api, { templates }: ServerOptions): void {
  const tags = ['templates']
  const schema = { tags, params: VersionParams, response: { 200: VersionAnswer } }
  api.get(
    '/templates/:id/versions',
    {
      schema: {
        summary: 'List the versions of a template',
        tags,
        params: IdParams,
        querystring: PageQuery,
        response: { 200: VersionsAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const { limit = PAGE, cursor = null } = request.query
      const { tenantId } = callerOf(request)
      const page = found(
        isId(id) ? await templates.versions(tenantId, id, { limit, cursor }) : null,
        'template',
      )
      return { versions: page.items.map(reviewAnswer), next_cursor: page.nextCursor }
    },
  )
  api.get(
    '/templates/:id/versions/:version',
    {
      schema: { ...schema, summary: 'Read a version of a template' },
      config: { roles: ['sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const key = keyOf(callerOf(request).tenantId, request.params)
      return versionAnswer(found(key && (await templates.findVersion(key)), 'version'))
    },
  )
  const config = { roles: ['admin'], failures: ['not_found', 'conflict'] } as const
  api.post(
    '/templates/:id/versions/:version/approve',
    { schema: { ...schema, summary: 'Approve a version: from now on it is sent' }, config },
    async (request) => {
      const { tenantId, subject } = callerOf(request)
      const key = keyOf(tenantId, request.params)
      return versionAnswer(found(key && (await templates.approve(key, subject)), 'version'))
    },
  )
  api.post(
    '/templates/:id/versions/:version/reject',
    { schema: { ...schema, summary: 'Reject a version', body: RejectBody }, config },
    async (request) => {
      const { tenantId, subject } = callerOf(request)
      const key = keyOf(tenantId, request.params)
      const { reason } = request.body
      return versionAnswer(found(key && (await templates.reject(key, subject, reason)), 'version'))
    },
  )
  api.post(
    '/templates/:id/versions/:version/activate',
    { schema: { ...schema, summary: 'Send an approved version again' }, config },
    async (request) => {
      const key = keyOf(callerOf(request).tenantId, request.params)
      return versionAnswer(found(key && (await templates.activate(key)), 'version'))
    },
  )
}

/** Null where the path can name nothing. */
const keyOf = (
  tenantId: string,
  { id, version }: { readonly id: string; readonly version: number },
): VersionKey | null => (isId(id) ? { tenantId, id, version } : null)
