import type { Config } from '../config/config.js'
import type { PushOptions } from '../sinks/push/index.js'

type Stores = Pick<PushOptions, 'directory' | 'clock' | 'telemetry'>

/** The push channel, as configured; null: without a provider. */
export function pushOptions({ channels: { push }, breaker }: Config, stores: Stores): PushOptions | null {
  const { fcm, apns } = push.providers
  if (fcm === null && apns === null) return null
  return { fcm, apns, tries: push.tries, slots: push.delivery.slots, breaker, ...stores }
}
