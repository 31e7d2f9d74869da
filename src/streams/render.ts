import { FAILURES, Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import type { TemplateUse } from '../model/template-use.js'
import type { VendorText } from '../model/vendor-template.js'
import type { Verdict } from '../model/verdict.js'
import type { Telemetry } from '../telemetry/telemetry.js'
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
  readonly vendorText: VendorText | null
}

/**
 * Fills in the texts: those of a template, in the recipient's language, or those of the request when it
 * comes with variables. What was rendered once stays as it is.
 */
export function rendering({ templates, renderer, unsubscribeUrl }: RenderPorts, { log }: Telemetry): Stage {
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

  const fill = async (
    subjects: readonly Subject[],
    texts: readonly (Text | Failure)[],
  ): Promise<readonly Verdict[]> => {
    const jobs = subjects.flatMap((subject, n) => {
      const text = texts[n]
      return text === undefined || text instanceof Failure ? [] : [jobOf(subject, text)]
    })
    const rendered = jobs.length === 0 ? [] : await renderer.render(jobs)
    let next = 0
    return subjects.map(({ notification }, n): Verdict => {
      const text = texts[n] ?? new Failure('internal', 'there is no text')
      if (text instanceof Failure) return { kind: 'reject', failure: text }
      const result = rendered[next++] ?? new Failure('internal', 'nothing was rendered')
      if (result instanceof Failure) return { kind: 'reject', failure: result }
      const { use: templateUse, vendorText } = text
      return { kind: 'pass', notification: { ...notification, ...result, templateUse, vendorText } }
    })
  }

  /** A tenant's template for digests that fails must not cost anybody what is in them. */
  const mended = async (
    subjects: readonly Subject[],
    verdicts: readonly Verdict[],
  ): Promise<readonly Verdict[]> => {
    const broken = subjects.filter((subject, n) => isBroken(subject, verdicts[n]))
    if (broken.length === 0) return verdicts
    for (const { notification } of broken) {
      const { id, tenantId, channel } = notification
      log.event('digest.template_failed', { notification_id: id, tenant_id: tenantId, channel })
    }
    const second = await fill(
      broken,
      broken.map((subject) => templateText(subject, null)),
    )
    const byId = new Map(broken.map(({ notification }, n) => [notification.id, second[n]]))
    return subjects.map(
      ({ notification }, n) =>
        byId.get(notification.id) ??
        verdicts[n] ?? { kind: 'reject', failure: new Failure('internal', 'nothing was rendered') },
    )
  }

  return {
    name: 'render',
    concerns: ({ notification: { variables, templateId } }) => variables !== null || templateId !== null,
    check: async (subjects) => mended(subjects, await fill(subjects, await textsOf(subjects, templates))),
  }
}

const isBroken = ({ notification }: Subject, verdict: Verdict | undefined): boolean =>
  notification.digest !== null && verdict?.kind === 'reject' && !FAILURES[verdict.failure.code].retry

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
    if (templateId === null)
      return { title, content, use: null, vendorText: null, variables: variables ?? {} }
    return templateText(subject, found[next++] ?? null)
  })
}
