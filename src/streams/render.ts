import { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import type { TemplateUse } from '../model/template-use.js'
import type { Verdict } from '../model/verdict.js'
import type { Subject } from './envelope.js'
import type { Renderer, RenderJob, Templates } from './ports.js'
import type { Stage } from './stage.js'
import { templateText } from './template-text.js'

export interface RenderPorts {
  readonly templates: Templates
  readonly renderer: Renderer
  /** The link that ends messages of this kind; null when there is none. */
  readonly unsubscribeUrl: (notification: Notification) => string | null
}

interface Text {
  readonly title: string
  readonly content: string
  /** Null: the text stands in the request. */
  readonly use: TemplateUse | null
  readonly variables: RenderJob['variables']
}

/**
 * Fills in the texts: those of a template, in the recipient's language, or those of the request when it
 * comes with variables. What was rendered once stays as it is.
 */
export function rendering({ templates, renderer, unsubscribeUrl }: RenderPorts): Stage {
  const jobOf = (subject: Subject, { title, content, variables, use }: Text): RenderJob => {
    const { notification, standing } = subject
    const { locale, timezone } = standing.recipient
    return {
      tenantId: notification.tenantId,
      title,
      content,
      html: notification.channel === 'email',
      locale: writtenAs(use?.locale ?? null, notification.locale, locale),
      timezone,
      variables: {
        ...variables,
        recipient: { user_id: notification.userId, locale, timezone },
        // Signing one takes as long as rendering a short text.
        ...(content.includes('unsubscribe_url')
          ? { unsubscribe_url: unsubscribeUrl(notification) ?? '' }
          : {}),
      },
    }
  }

  return {
    name: 'render',
    concerns: ({ notification: { variables, templateId } }) => variables !== null || templateId !== null,
    check: async (subjects) => {
      const texts = await textsOf(subjects, templates)
      const jobs = subjects.flatMap((subject, n) => {
        const text = texts[n]
        return text === undefined || text instanceof Failure ? [] : [jobOf(subject, text)]
      })
      const rendered = await renderer.render(jobs)
      let next = 0
      return subjects.map(({ notification }, n): Verdict => {
        const text = texts[n] ?? new Failure('internal', 'there is no text')
        const result =
          text instanceof Failure
            ? text
            : (rendered[next++] ?? new Failure('internal', 'nothing was rendered'))
        if (result instanceof Failure) return { kind: 'reject', failure: result }
        const templateUse = text instanceof Failure ? null : text.use
        return { kind: 'pass', notification: { ...notification, ...result, templateUse } }
      })
    },
  }
}

/** Dates and numbers are written in the language of the text: as the reader's country does where that is known. */
function writtenAs(text: string | null, asked: string | null, recipients: string | null): string | null {
  if (text === null) return asked ?? recipients
  const fits = (locale: string | null): boolean =>
    locale === text || (locale?.startsWith(`${text}-`) ?? false)
  return [asked, recipients].find(fits) ?? text
}

async function textsOf(
  subjects: readonly Subject[],
  templates: Templates,
): Promise<readonly (Text | Failure)[]> {
  const keys = subjects.flatMap(({ notification: { tenantId, templateId } }) =>
    templateId === null ? [] : [{ tenantId, id: templateId }],
  )
  const found = keys.length === 0 ? [] : await templates.find(keys)
  let next = 0
  return subjects.map((subject) => {
    const { title, content, variables, templateId } = subject.notification
    if (templateId === null) return { title, content, use: null, variables: variables ?? {} }
    return templateText(subject, found[next++] ?? null)
  })
}
