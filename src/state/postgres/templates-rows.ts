import type {
  ReviewStatus,
  TemplateRecord,
  TemplateReview,
  TemplateSummary,
  TemplateVersion,
} from '../../api/ports.js'
import type { Channel } from '../../model/notification.js'
import type { TemplateVariable, TemplateVariant } from '../../model/template.js'
import type { VendorTemplate } from '../../model/vendor-template.js'

export interface SummaryRow {
  readonly id: string
  readonly name: string
  readonly channel: Channel
  readonly active_version: number | null
  readonly latest_version: number
  readonly status: ReviewStatus
  readonly template_created_at: number
  readonly updated_at: number
}

export interface ReviewRow {
  readonly version: number
  readonly status: ReviewStatus
  readonly active: boolean
  readonly created_by: string
  readonly created_at: number
  readonly reviewed_by: string | null
  readonly reviewed_at: number | null
  readonly review_note: string | null
}

export interface VersionRow extends ReviewRow {
  readonly default_locale: string
  readonly variables: readonly TemplateVariable[]
  readonly variants: readonly TemplateVariant[]
  readonly vendor: VendorTemplate | null
}

export const SUMMARY_COLUMNS = `t.id, t.name, t.channel, t.active_version, t.latest_version, v.status,
  t.created_at AS template_created_at, t.updated_at`

export const REVIEW_COLUMNS = `v.version, v.status, v.version IS NOT DISTINCT FROM t.active_version AS active,
  v.created_by, v.created_at, v.reviewed_by, v.reviewed_at, v.review_note`

export const VERSION_COLUMNS = `${REVIEW_COLUMNS}, v.default_locale, v.variables, v.variants, v.vendor`

export const toSummary = (row: SummaryRow): TemplateSummary => ({
  id: row.id,
  name: row.name,
  channel: row.channel,
  activeVersion: row.active_version,
  latestVersion: row.latest_version,
  latestStatus: row.status,
  createdAt: row.template_created_at,
  updatedAt: row.updated_at,
})

export const toReview = (row: ReviewRow): TemplateReview => ({
  version: row.version,
  status: row.status,
  active: row.active,
  createdBy: row.created_by,
  createdAt: row.created_at,
  reviewedBy: row.reviewed_by,
  reviewedAt: row.reviewed_at,
  reviewNote: row.review_note,
})

export const toVersion = (row: VersionRow): TemplateVersion => ({
  ...toReview(row),
  defaultLocale: row.default_locale,
  variables: row.variables,
  variants: row.variants,
  vendor: row.vendor,
})

export const toTemplateRecord = (row: SummaryRow & VersionRow): TemplateRecord => ({
  ...toSummary(row),
  latest: toVersion(row),
})
