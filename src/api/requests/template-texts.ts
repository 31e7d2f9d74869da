import { FAILURES, Failure } from '../../model/failure.js'
import type { Channel } from '../../model/notification.js'
import type { TemplateTexts, TextInspector, TextToInspect } from '../ports.js'
import type { TemplateTextsBody } from '../schemas/templates.js'
import { readVariables, type Use } from './template-variables.js'
import { readVariants } from './template-variants.js'
import { readVendor } from './template-vendor.js'

const MAX_ERRORS = 20

/** Whose texts they are. */
export interface TextsOwner {
  readonly tenantId: string
  /** Empty while the template has none. */
  readonly templateId: string
  /** Asked only where it matters. Null: there is no such template. */
  readonly channelOf: () => Promise<Channel | null>
}

/**
 * Reads and checks all that a version of a template says.
 * @param usualLocale the language of texts that do not say in which they are
 * @throws Failure `validation_failed`, or `template_invalid` naming every text that is not valid Liquid
 */
export async function readTemplateTexts(
  body: TemplateTextsBody,
  { tenantId, templateId, channelOf }: TextsOwner,
  usualLocale: string,
  inspector: TextInspector,
): Promise<TemplateTexts> {
  const { defaultLocale, variants, texts } = readVariants(body, usualLocale)
  const uses = await inspected(tenantId, texts, inspector)
  const variables = readVariables(body.variables, uses, templateId)
  return { defaultLocale, variants, variables, vendor: await readVendor(body.vendor, variables, channelOf) }
}

async function inspected(
  tenantId: string,
  texts: readonly TextToInspect[],
  inspector: TextInspector,
): Promise<readonly Use[]> {
  const reports = await inspector.inspect(tenantId, texts)
  const failures = reports.flatMap(({ failure }) => (failure === null ? [] : [failure]))
  // A text that could not be looked at may be as good as the others.
  const [first] = failures
  const passing = failures.find(({ code }) => FAILURES[code].retry)
  if (passing !== undefined) throw passing
  if (first !== undefined) {
    const errors = failures.flatMap((failure) => failure.errors).slice(0, MAX_ERRORS)
    throw new Failure(first.code, first.message, { errors })
  }
  return texts.map(({ field }, n) => ({ field, variables: reports[n]?.variables ?? [] }))
}
