import { createHash } from 'node:crypto'
import type { Template, TemplateText, TemplateVariant } from './template.js'

export interface ChosenText extends TemplateText {
  readonly variant: string
  readonly locale: string
}

/**
 * The variant of the user, always the same one while names and weights stay, in the first language that there is.
 * @param locales in order of preference; `zh-CN` also finds `zh`. Null: not known.
 */
export function chooseText(
  template: Template,
  user: { readonly tenantId: string; readonly userId: string },
  locales: readonly (string | null)[],
): ChosenText | null {
  const variant = variantOf(template, user)
  if (variant === undefined) return null
  for (const wanted of [...locales, template.defaultLocale]) {
    for (const locale of wanted === null ? [] : broader(wanted)) {
      const text = Object.hasOwn(variant.texts, locale) ? variant.texts[locale] : undefined
      if (text !== undefined) return { ...text, variant: variant.name, locale }
    }
  }
  return null
}

function variantOf(
  { id, variants }: Template,
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
): TemplateVariant | undefined {
  const [only] = variants
  if (variants.length === 1) return only
  const total = variants.reduce((sum, { weight }) => sum + weight, 0)
  const digest = createHash('sha256')
    .update(JSON.stringify([tenantId, id, userId]))
    .digest()
  let place = (digest.readUInt32BE(0) / 2 ** 32) * total
  for (const variant of variants) {
    place -= variant.weight
    if (place < 0) return variant
  }
  return only
}

/** The tag and what it narrows: `zh-Hant-TW`, `zh-Hant`, `zh` (RFC 4647 §3.4). */
function broader(locale: string): readonly string[] {
  const parts = locale.split('-')
  return parts.map((_, n) => parts.slice(0, parts.length - n).join('-'))
}
