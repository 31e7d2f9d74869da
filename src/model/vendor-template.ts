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
