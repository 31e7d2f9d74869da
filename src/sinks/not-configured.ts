import { DeliveryFailure } from '../model/outcome.js'
import type { Sink } from '../streams/ports.js'

/** For what was accepted before its provider was taken out of the configuration. */
export function notConfigured(channel: string): Sink {
  return {
    target: () => null,
    send: async () => {
      throw new DeliveryFailure('not_configured', `no provider of ${channel} is configured`, {
        retryable: true,
      })
    },
  }
}
