import type { Json } from './json.js'
import type { Channel } from './notification.js'
import type { VendorTemplate } from './vendor-template.js'

/** A variable that a template takes. Without a default it must be given. */
export interface TemplateVariable {
  readonly name: string
  readonly default?: Json
}

export interface TemplateText {
  readonly title: string
  readonly content: string
}

/** One of the texts that are tried against each other. */
export interface TemplateVariant {
  readonly name: string
  /** Its share, relative to those of the others. */
  readonly weight: number
  /** By locale; the default locale of the template is always there. */
  readonly texts: Readonly<Record<string, TemplateText>>
}

/** What is sent: the active version of a template, approved. */
export interface Template {
  readonly id: string
  readonly version: number
  readonly channel: Channel
  readonly defaultLocale: string
  readonly variables: readonly TemplateVariable[]
  readonly variants: readonly TemplateVariant[]
  /** Of text messages; null: their content is sent. */
  readonly vendor?: VendorTemplate | null
}
