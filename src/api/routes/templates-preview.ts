import { Failure } from '../../model/failure.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import type { TemplateRecord, TemplateVersion } from '../ports.js'
import {
  examples,
  type PreviewPlace,
  type PreviewText,
  previewText,
  readPlace,
} from '../requests/template-preview.js'
import { IdParams } from '../schemas/notification.js'
import { PreviewAnswer, PreviewBody, PreviewTextBody } from '../schemas/templates.js'
import { TEXT_FAILURES } from './failures.js'
import { isId } from './ids.js'
import { found } from './templates-answers.js'

/** What would come of a template, without sending it. */
export function templatePreviewRoutes(api: Api, { templates, renderer, rules }: ServerOptions): void {
  const tags = ['templates']
  const render = async (
    tenantId: string,
    templateId: string | null,
    text: PreviewText,
    place: PreviewPlace,
  ): Promise<PreviewAnswer> => {
    const { title, content, channel, version, variant } = text
    const variables = { ...examples(templateId, place, rules.clock.now()), ...text.variables }
    const job = { tenantId, title, content, html: channel === 'email', variables, ...place }
    const [rendered = new Failure('internal', 'nothing was rendered')] = await renderer.render([job])
    if (rendered instanceof Failure) throw rendered
    return { title: rendered.title, content: rendered.content, version, variant, locale: text.locale }
  }

  const versionOf = async (
    tenantId: string,
    { id, latest }: TemplateRecord,
    version = latest.version,
  ): Promise<TemplateVersion> => {
    if (version === latest.version) return latest
    const saved = await templates.findVersion({ tenantId, id, version })
    if (saved !== null) return saved
    throw validationFailed([{ field: '/version', message: 'is not a version of this template' }])
  }

  api.post(
    '/templates/:id/preview',
    {
      schema: {
        summary: 'Fill in a saved template',
        description: 'The newest version, unless another one is named.',
        tags,
        params: IdParams,
        body: PreviewBody,
        response: { 200: PreviewAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: [...TEXT_FAILURES, 'variable_missing', 'not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const { version, variant = null, variables = {} } = request.body
      const place = readPlace(request.body)
      const { tenantId } = callerOf(request)
      const template = found(isId(id) ? await templates.find(tenantId, id) : null, 'template')
      const saved = await versionOf(tenantId, template, version)
      const text = previewText(template, saved, variant, { locale: place.locale, given: variables })
      return render(tenantId, id, text, place)
    },
  )
  api.post(
    '/templates/preview',
    {
      schema: {
        summary: 'Fill in a text that is not saved',
        tags,
        body: PreviewTextBody,
        response: { 200: PreviewAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: [...TEXT_FAILURES, 'variable_missing'] },
    },
    async (request) => {
      const { channel, title, content, variables = {} } = request.body
      const place = readPlace(request.body)
      const text = { title, content, channel, variables, version: null, variant: null, locale: place.locale }
      return render(callerOf(request).tenantId, null, text, place)
    },
  )
}
