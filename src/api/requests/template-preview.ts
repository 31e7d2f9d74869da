import { chooseText } from '../../model/choose-text.js'
import { Failure, type FieldError } from '../../model/failure.js'
import type { JsonObject } from '../../model/json.js'
import { isTimeZone } from '../../model/local-time.js'
import type { Channel } from '../../model/notification.js'
import type { TemplateText } from '../../model/template.js'
import { isForDigests, withDefaults } from '../../model/template-variables.js'
import { validationFailed } from '../http/validation.js'
import type { TemplateSummary, TemplateVersion } from '../ports.js'
import { LOCALE_EXPECTED, readLocale } from './locale.js'

const NOBODY = 'user_preview'
const UNSUBSCRIBE_URL = 'https://example.com/unsubscribe'
const DAY_MS = 86_400_000

/** Where the preview is read. */
export interface PreviewPlace {
  readonly locale: string | null
  readonly timezone: string | null
}

export interface PreviewText extends TemplateText {
  readonly channel: Channel
  readonly version: number | null
  readonly variant: string | null
  /** Of the text itself. */
  readonly locale: string | null
  readonly variables: JsonObject
}

/** @throws Failure `validation_failed` */
export function readPlace(body: { readonly locale?: string; readonly timezone?: string }): PreviewPlace {
  const errors: FieldError[] = []
  const locale = readLocale(body.locale) ?? null
  if (body.locale !== undefined && locale === null)
    errors.push({ field: '/locale', message: LOCALE_EXPECTED })
  const timezone = body.timezone ?? null
  if (timezone !== null && !isTimeZone(timezone)) {
    errors.push({ field: '/timezone', message: 'must be an IANA time zone, such as Asia/Shanghai' })
  }
  if (errors.length > 0) throw validationFailed(errors)
  return { locale, timezone }
}

/**
 * The text of a version that a recipient in that place would be sent.
 * @param variant null: the first one
 * @throws Failure `validation_failed` when there is no such variant, `variable_missing`
 */
export function previewText(
  { id, channel }: TemplateSummary,
  { version, variants, defaultLocale, variables: declared }: TemplateVersion,
  variant: string | null,
  { locale, given }: { readonly locale: string | null; readonly given: JsonObject },
): PreviewText {
  const chosen = variants.filter(({ name }) => variant === null || name === variant).slice(0, 1)
  if (chosen.length === 0) {
    const names = variants.map(({ name }) => name).join(', ')
    throw validationFailed([{ field: '/variant', message: `must be one of ${names}` }])
  }
  const variables = withDefaults(declared, given)
  if (variables instanceof Failure) throw variables
  const template = { id, version, channel, defaultLocale, variables: declared, variants: chosen }
  const text = chooseText(template, { tenantId: '', userId: '' }, [locale])
  if (text === null) throw new Failure('internal', `version ${version} of template ${id} has no text`)
  return { ...text, channel, version, variables }
}

/** What the service gives to a template besides, as an example; the caller may give other ones. */
export function examples(templateId: string | null, place: PreviewPlace, now: number): JsonObject {
  const always = { recipient: { user_id: NOBODY, ...place }, unsubscribe_url: UNSUBSCRIBE_URL }
  if (templateId === null || !isForDigests(templateId)) return always
  const since = new Date(now - DAY_MS).toISOString()
  const until = new Date(now).toISOString()
  const item = { notification_type: 'activity', created_at: since }
  return {
    ...always,
    items: [
      { ...item, id: 'notif_1', title: 'First title', content: 'First content' },
      { ...item, id: 'notif_2', title: 'Second title', content: 'Second content' },
    ],
    count: 2,
    frequency: 'daily',
    since,
    until,
  }
}
