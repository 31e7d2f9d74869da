import { Failure } from '../../model/failure.js'
import type {
  TemplateRecord,
  TemplateReview,
  TemplateSummary,
  TemplateVersion,
  VariantStats,
} from '../ports.js'
import { isoTime, isoTimeOrNull } from '../requests/time.js'
import type {
  ReviewAnswer,
  TemplateAnswer,
  TemplateStatsAnswer,
  TemplateSummaryAnswer,
  VersionAnswer,
} from '../schemas/templates.js'
import { successRate, total } from '../status-counts.js'

/** @throws Failure `not_found` for what is not there */
export function found<T>(thing: T | null, what: 'template' | 'version'): T {
  if (thing === null) throw new Failure('not_found', `there is no such ${what}`)
  return thing
}

export const summaryAnswer = (template: TemplateSummary): TemplateSummaryAnswer => ({
  id: template.id,
  name: template.name,
  channel: template.channel,
  status: template.activeVersion === null ? template.latestStatus : 'active',
  active_version: template.activeVersion,
  latest_version: template.latestVersion,
  created_at: isoTime(template.createdAt),
  updated_at: isoTime(template.updatedAt),
})

export const templateAnswer = (template: TemplateRecord): TemplateAnswer => ({
  ...summaryAnswer(template),
  latest: versionAnswer(template.latest),
})

export const reviewAnswer = (review: TemplateReview): ReviewAnswer => ({
  version: review.version,
  status: review.status,
  active: review.active,
  created_by: review.createdBy,
  created_at: isoTime(review.createdAt),
  reviewed_by: review.reviewedBy,
  reviewed_at: isoTimeOrNull(review.reviewedAt),
  review_note: review.reviewNote,
})

/** In the form in which it can be saved again. */
export const versionAnswer = (version: TemplateVersion): VersionAnswer => ({
  ...reviewAnswer(version),
  locale: version.defaultLocale,
  variables: [...version.variables],
  variants: version.variants.map(({ name, weight, texts }) => {
    const { [version.defaultLocale]: text, ...translations } = texts
    return { name, weight, title: text?.title ?? '', content: text?.content ?? '', translations }
  }),
  vendor: version.vendor ?? null,
})

export const variantStatsAnswer = (stats: VariantStats): TemplateStatsAnswer['variants'][number] => ({
  version: stats.version,
  variant: stats.variant,
  total: total(stats.statuses),
  success_rate: successRate(stats.statuses),
  statuses: { ...stats.statuses },
  read: stats.read,
})
