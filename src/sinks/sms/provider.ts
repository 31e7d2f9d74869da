import type { VendorText } from '../../model/vendor-template.js'

/** One text for one phone. */
export interface TextMessage {
  /** Ours, the same in every attempt; at most 64 characters. */
  readonly id: string
  /** E.164. */
  readonly number: string
  /** ISO 3166; null where the number does not tell it. */
  readonly country: string | null
  readonly text: string
  /** What the vendors are told in place of the text; null: the text itself. */
  readonly vendorText: VendorText | null
}

/** A vendor of text messages. A further one is one file that implements this, and its settings. */
export interface SmsProvider {
  /** As vendor templates, logs and metrics call it. */
  readonly name: string
  /**
   * Hands the message over. Nothing of it goes on after the promise has settled or the signal was raised.
   * @throws DeliveryFailure with its name; `uncertain` unless it is sure that the vendor has not taken it
   */
  send(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }>
}
