import { type Static, Type } from 'typebox'
import type { Json } from '../../model/json.js'
import { SMS_VENDORS, type VendorTemplate } from '../../model/vendor-template.js'
import { REVIEW_STATUSES } from '../ports.js'
import { PageQuery } from './blocklist.js'
import { Id, Line, TenantId, WindowUpTo } from './text.js'
import { AnyObject, Channel, Counts, NullableNumber, NullableText, NullableTime, oneOf } from './values.js'

export const MAX_VARIABLES = 100
const MAX_VARIANTS = 10
const MAX_TRANSLATIONS = 20
const MAX_WEIGHT = 1_000

const Title = Line(255, { description: 'Liquid.', examples: ['欢迎使用，{{ user_name }}'] })
const Content = Type.String({
  minLength: 1,
  maxLength: 100_000,
  description: 'Liquid. HTML for email, where values are escaped; plain text elsewhere.',
  examples: ['亲爱的 {{ user_name }}，欢迎您注册。'],
})

const Text = Type.Object({ title: Title, content: Content }, { additionalProperties: false })
const byLocale = { type: 'object', additionalProperties: Text } as const

const Translations = Type.Unsafe<Readonly<Record<string, Static<typeof Text>>>>({
  ...byLocale,
  maxProperties: MAX_TRANSLATIONS,
  description: 'The same in other languages, by BCP 47 tag.',
  examples: [{ en: { title: 'Welcome, {{ user_name }}', content: 'Dear {{ user_name }}, …' } }],
})

const Variant = Type.Object(
  {
    name: Id({ examples: ['short'] }),
    weight: Type.Integer({
      minimum: 1,
      maximum: MAX_WEIGHT,
      description: 'Its share, relative to the others.',
    }),
    title: Title,
    content: Content,
    translations: Type.Optional(Translations),
  },
  { additionalProperties: false },
)

const VariableName = { minLength: 1, maxLength: 64 } as const

const Variable = Type.Unsafe<string | { readonly name: string; readonly default?: Json }>({
  type: ['string', 'object'],
  ...VariableName,
  properties: { name: { type: 'string', ...VariableName }, default: {} },
  required: ['name'],
  additionalProperties: false,
})

const VendorCode = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' } as const

const Vendor = Type.Unsafe<VendorTemplate | null>({
  type: ['object', 'null'],
  description:
    'Of text messages: what vendors have approved in place of the content, which is told them by code and values.',
  properties: {
    params: {
      type: 'array',
      maxItems: MAX_VARIABLES,
      items: { type: 'string', ...VariableName },
      description: 'Names of variables, in the order in which the approved text has them.',
    },
    codes: {
      type: 'object',
      minProperties: 1,
      properties: Object.fromEntries(SMS_VENDORS.map((vendor) => [vendor, VendorCode])),
      additionalProperties: false,
      description: 'The code at each vendor.',
    },
  },
  required: ['params', 'codes'],
  additionalProperties: false,
  examples: [{ params: ['code'], codes: { aliyun: 'SMS_154950909', tencent: '449739' } }],
})

const texts = {
  locale: Type.Optional(
    Type.String({
      minLength: 2,
      maxLength: 35,
      description: 'Of title and content, BCP 47.',
      examples: ['zh'],
    }),
  ),
  title: Type.Optional(Title),
  content: Type.Optional(Content),
  translations: Type.Optional(Translations),
  variants: Type.Optional(
    Type.Array(Variant, {
      minItems: 1,
      maxItems: MAX_VARIANTS,
      description: 'In place of title and content: texts of which each user gets always the same.',
    }),
  ),
  variables: Type.Optional(
    Type.Array(Variable, {
      maxItems: MAX_VARIABLES,
      description:
        'Names, or names with a default. Those that the texts use, neither more nor less; left out, they are read from the texts.',
      examples: [['user_name', { name: 'product_name', default: 'VoiceAssistant' }]],
    }),
  ),
  vendor: Type.Optional(Vendor),
}

const name = Line(100, { examples: ['欢迎邮件'] })

export const CreateTemplateBody = Type.Object(
  {
    tenant_id: TenantId,
    id: Type.Optional(Id({ description: 'Made when it is left out.', examples: ['tmpl_welcome'] })),
    name,
    channel: Channel,
    ...texts,
  },
  {
    additionalProperties: false,
    examples: [
      {
        tenant_id: 'tenant_abc',
        name: '欢迎邮件',
        title: '欢迎使用VoiceAssistant',
        content: '亲爱的{{user_name}}，欢迎您注册...',
        channel: 'email',
        variables: ['user_name'],
      },
    ],
  },
)
export type CreateTemplateBody = Static<typeof CreateTemplateBody>

export const UpdateTemplateBody = Type.Object(
  { tenant_id: Type.Optional(TenantId), name: Type.Optional(name), ...texts },
  { additionalProperties: false },
)

export type TemplateTextsBody = Omit<Static<typeof UpdateTemplateBody>, 'tenant_id' | 'name'>

const review = {
  version: Type.Integer(),
  status: oneOf(REVIEW_STATUSES),
  active: Type.Boolean({ description: 'Whether this version is sent.' }),
  created_by: Type.String(),
  created_at: Type.String({ format: 'date-time' }),
  reviewed_by: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'null beside a time: approved by the configuration.',
  }),
  reviewed_at: NullableTime,
  review_note: NullableText,
}

export const ReviewAnswer = Type.Object(review)
export type ReviewAnswer = Static<typeof ReviewAnswer>

/** Answers say what was stored, and are not checked against the rules for what may be stored now. */
const StoredText = { title: Type.String(), content: Type.String() }
const StoredVariant = Type.Object({
  name: Type.String(),
  weight: Type.Integer(),
  ...StoredText,
  translations: Type.Unsafe<Readonly<Record<string, { readonly title: string; readonly content: string }>>>({
    type: 'object',
    additionalProperties: Type.Object(StoredText),
  }),
})

export const VersionAnswer = Type.Object({
  ...review,
  locale: Type.String(),
  variables: Type.Array(
    Type.Unsafe<{ readonly name: string; readonly default?: Json }>({
      type: 'object',
      properties: { name: { type: 'string' }, default: {} },
      required: ['name'],
    }),
  ),
  variants: Type.Array(StoredVariant),
  vendor: Type.Unsafe<VendorTemplate | null>({
    type: ['object', 'null'],
    properties: {
      params: { type: 'array', items: { type: 'string' } },
      codes: { type: 'object', additionalProperties: { type: 'string' } },
    },
  }),
})
export type VersionAnswer = Static<typeof VersionAnswer>

const summary = {
  id: Type.String(),
  name: Type.String(),
  channel: Channel,
  status: oneOf(['active', ...REVIEW_STATUSES], {
    description: 'active when a version is sent; else the status of the newest version.',
  }),
  active_version: NullableNumber,
  latest_version: Type.Integer(),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
}

export const TemplateSummaryAnswer = Type.Object(summary)
export type TemplateSummaryAnswer = Static<typeof TemplateSummaryAnswer>

export const TemplateAnswer = Type.Object({ ...summary, latest: VersionAnswer })
export type TemplateAnswer = Static<typeof TemplateAnswer>

export const TemplatesQuery = Type.Object(
  { ...PageQuery.properties, channel: Type.Optional(Channel) },
  { additionalProperties: false },
)
export const TemplatesAnswer = Type.Object({
  templates: Type.Array(TemplateSummaryAnswer),
  next_cursor: NullableText,
})
export type TemplatesAnswer = Static<typeof TemplatesAnswer>

export const VersionsAnswer = Type.Object({ versions: Type.Array(ReviewAnswer), next_cursor: NullableText })
export type VersionsAnswer = Static<typeof VersionsAnswer>

const VersionNumber = Type.Integer({ minimum: 1, maximum: 1_000_000 })
export const VersionParams = Type.Object({ id: Type.String({ maxLength: 64 }), version: VersionNumber })

export const RejectBody = Type.Object(
  { reason: Line(500, { description: 'For whoever wrote it.', examples: ['The link is wrong'] }) },
  { additionalProperties: false },
)

const Values = AnyObject({ description: 'Values for the variables.', examples: [{ user_name: '张三' }] })
const place = {
  variables: Type.Optional(Values),
  locale: Type.Optional(Type.String({ minLength: 2, maxLength: 35, examples: ['en-GB'] })),
  timezone: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['Asia/Shanghai'] })),
}

export const PreviewBody = Type.Object(
  {
    ...place,
    version: Type.Optional(VersionNumber),
    variant: Type.Optional(Id({ description: 'The first one when it is left out.' })),
  },
  { additionalProperties: false },
)
export type PreviewBody = Static<typeof PreviewBody>

export const PreviewTextBody = Type.Object(
  { ...place, channel: Channel, title: Title, content: Content },
  { additionalProperties: false },
)

export const PreviewAnswer = Type.Object({
  title: Type.String(),
  content: Type.String(),
  version: NullableNumber,
  variant: NullableText,
  locale: NullableText,
})
export type PreviewAnswer = Static<typeof PreviewAnswer>

export const TemplateStatsQuery = Type.Object(
  { window: Type.Optional(WindowUpTo('720h', '24h')) },
  { additionalProperties: false },
)

const VariantStats = Type.Object({
  version: Type.Integer(),
  variant: Type.String(),
  total: Type.Integer(),
  success_rate: NullableNumber,
  statuses: Counts,
  read: Type.Integer({ description: 'In the inbox: how many were read.' }),
})

export const TemplateStatsAnswer = Type.Object({
  id: Type.String(),
  window: Type.String(),
  since: Type.String({ format: 'date-time' }),
  variants: Type.Array(VariantStats),
})
export type TemplateStatsAnswer = Static<typeof TemplateStatsAnswer>
