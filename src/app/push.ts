import type { Config } from '../config/config.js'
import type { PushOptions } from '../sinks/push/index.js'

type Stores = Pick<PushOptions, 'directory' | 'clock' | 'telemetry'>

/** The push channel, as configured; null: without a provider. */
export function pushOptions({ channels: { push }, breaker }: Config, stores: Stores): PushOptions | null {
  const { fcm, apns } = push.providers
  return fcm === null && apns === null ? null : { fcm, apns, tries: push.tries, breaker, ...stores }
}
