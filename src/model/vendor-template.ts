import type { Json, JsonObject } from './json.js'

/** The vendors of text messages. A further one needs an entry here, its settings, and a file in `sinks/sms/`. */
export const SMS_VENDORS = ['aliyun', 'tencent'] as const
export type SmsVendor = (typeof SMS_VENDORS)[number]

/**
 * What a template is called at the vendors of text messages. Chinese carriers take only texts that a vendor
 * has had approved: its code and the values of its parameters are sent in place of the text.
 */
export interface VendorTemplate {
  /** Names of variables, in the order in which the vendor's text has them. */
  readonly params: readonly string[]
  /** The code at each vendor, by the name of the provider. */
  readonly codes: Readonly<Record<string, string>>
}

/** The same for one notification. */
export interface VendorText {
  readonly codes: Readonly<Record<string, string>>
  /** Names and values, in order. */
  readonly params: readonly (readonly [name: string, value: string])[]
}

/** What vendors are told of a template with these values: numbers and the like as they are, the rest as JSON. */
export function vendorTextOf(template: VendorTemplate | null, variables: JsonObject): VendorText | null {
  if (template === null) return null
  const { codes, params } = template
  return { codes, params: params.map((name) => [name, written(variables[name] ?? null)] as const) }
}

function written(value: Json): string {
  if (value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
