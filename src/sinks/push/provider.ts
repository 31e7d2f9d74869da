import type { Platform } from '../../model/device.js'
import type { DeliveryFailure } from '../../model/outcome.js'
import type { Push } from './push.js'

/** What became of a push at one device. */
export type DeviceResult =
  | { readonly kind: 'sent'; readonly providerId: string | null }
  /** The token leads nowhere any more. `goneAt`: since when, in epoch milliseconds; null: the provider does not say. */
  | { readonly kind: 'gone'; readonly goneAt: number | null }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure }

/** A vendor of push messages. A further one is one file that implements this, a platform, and its settings. */
export interface PushProvider {
  readonly platform: Platform
  /**
   * Hands a push to devices. Never rejects: what concerns all of them is the result of each. Resolves soon after
   * the signal, with what is known by then, and nothing of it goes on afterwards.
   * @returns in the order of the tokens
   */
  send(push: Push, tokens: readonly string[], signal: AbortSignal): Promise<readonly DeviceResult[]>
  close(): Promise<void>
}
