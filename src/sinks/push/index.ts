import type { Clock } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { type ApnsOptions, ApnsProvider } from './apns/provider.js'
import { type FcmOptions, FcmProvider } from './fcm/provider.js'
import { Guard, type GuardOptions } from './guard.js'
import { Handover, type HandoverOptions } from './handover.js'
import type { PushProvider } from './provider.js'
import type { DeviceDirectory } from './removal.js'
import { PushSink } from './sink.js'

export { checkDevices } from './devices.js'

/** What every provider has: its time, its places, and who may use it. */
type Limits = Omit<HandoverOptions, 'tries'> & Pick<GuardOptions, 'slots'>

export interface PushOptions {
  /** Null: not configured. */
  readonly fcm: (FcmOptions & Limits) | null
  readonly apns: (ApnsOptions & Limits) | null
  /** Tries of one attempt at each device, the first included. */
  readonly tries: number
  /** Of the channel's lane: notifications at once, by all providers. */
  readonly slots: number
  readonly breaker: GuardOptions['breaker']
  readonly directory: DeviceDirectory
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** @throws Error when credentials cannot be used */
export function createPushSink(options: PushOptions): PushSink {
  const { fcm, apns, tries, slots, breaker, directory, clock, telemetry } = options
  const handovers: Handover[] = []
  const countOpen = (): void => {
    const open = handovers.filter(({ guard }) => guard.open).length
    telemetry.metrics.breakerOpen.set({ channel: 'push' }, open)
  }
  const add = (provider: PushProvider, limits: Limits): void => {
    const patient = Math.ceil(slots / 2)
    const guard = new Guard(provider.platform, { ...limits, patient, breaker }, telemetry, countOpen)
    handovers.push(new Handover(provider, guard, { ...limits, tries }, telemetry))
  }
  if (fcm !== null) add(new FcmProvider(fcm), fcm)
  if (apns !== null) add(new ApnsProvider(apns), apns)
  return new PushSink(handovers, directory, clock, telemetry)
}
