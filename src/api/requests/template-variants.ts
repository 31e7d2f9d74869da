import type { FieldError } from '../../model/failure.js'
import type { TemplateText, TemplateVariant } from '../../model/template.js'
import { pointer } from '../http/pointer.js'
import { validationFailed } from '../http/validation.js'
import type { TextToInspect } from '../ports.js'
import type { TemplateTextsBody } from '../schemas/templates.js'
import { LOCALE_EXPECTED, readLocale } from './locale.js'

const LONGEST_LOCALE = 35
const ONLY = 'default'
const ALONE = ['title', 'content', 'translations'] as const

export interface ReadVariants {
  readonly defaultLocale: string
  readonly variants: readonly TemplateVariant[]
  /** Every text there is, with its place in the request. */
  readonly texts: readonly TextToInspect[]
}

type VariantBody = NonNullable<TemplateTextsBody['variants']>[number]

interface Reading {
  readonly defaultLocale: string
  readonly texts: TextToInspect[]
  readonly errors: FieldError[]
}

/**
 * Reads the texts of a version, which come as one or as variants.
 * @throws Failure `validation_failed` naming every field that is wrong
 */
export function readVariants(body: TemplateTextsBody, usualLocale: string): ReadVariants {
  const errors: FieldError[] = []
  const defaultLocale = localeOf(body.locale ?? usualLocale, '/locale', errors) ?? usualLocale
  const reading = { defaultLocale, texts: [], errors }
  const variants =
    body.variants === undefined ? onlyOne(body, reading) : several(body, body.variants, reading)
  if (errors.length > 0) throw validationFailed(errors.slice(0, 20))
  return { defaultLocale, variants, texts: reading.texts }
}

function onlyOne(body: TemplateTextsBody, reading: Reading): readonly TemplateVariant[] {
  const { title, content, translations } = body
  if (title !== undefined && content !== undefined) {
    const only = { name: ONLY, weight: 1, title, content, ...(translations && { translations }) }
    return [variantOf(only, '', reading)]
  }
  for (const name of ['title', 'content'] as const) {
    if (body[name] === undefined)
      reading.errors.push({ field: `/${name}`, message: 'is required without variants' })
  }
  return []
}

function several(
  body: TemplateTextsBody,
  variants: readonly VariantBody[],
  reading: Reading,
): readonly TemplateVariant[] {
  for (const name of ALONE) {
    if (body[name] !== undefined)
      reading.errors.push({ field: `/${name}`, message: 'must not stand beside variants' })
  }
  const names = variants.map(({ name }) => name)
  return variants.map((variant, n) => {
    if (names.indexOf(variant.name) < n) {
      reading.errors.push({ field: `/variants/${n}/name`, message: 'must not be given twice' })
    }
    return variantOf(variant, `/variants/${n}`, reading)
  })
}

function variantOf(body: VariantBody, at: string, reading: Reading): TemplateVariant {
  const { defaultLocale, errors } = reading
  const { name, weight, title, content, translations = {} } = body
  const texts = new Map([[defaultLocale, textOf({ title, content }, at, reading)]])
  for (const [tag, text] of Object.entries(translations)) {
    const field = `${at}/translations${pointer([tag])}`
    const locale = localeOf(tag, field, errors)
    if (locale === null) continue
    if (locale === defaultLocale) {
      errors.push({ field, message: 'is the language of title and content itself' })
    } else if (texts.has(locale)) {
      errors.push({ field, message: `is another spelling of ${locale}, which is there already` })
    }
    texts.set(locale, textOf(text, field, reading))
  }
  return { name, weight, texts: Object.fromEntries(texts) }
}

function textOf({ title, content }: TemplateText, at: string, { texts }: Reading): TemplateText {
  texts.push({ field: `${at}/title`, source: title }, { field: `${at}/content`, source: content })
  return { title, content }
}

function localeOf(text: string, field: string, errors: FieldError[]): string | null {
  const locale = readLocale(text) ?? null
  if (locale !== null && locale.length <= LONGEST_LOCALE) return locale
  errors.push({ field, message: LOCALE_EXPECTED })
  return null
}
