import type { Device, Platform } from '../../model/device.js'
import type { Notification } from '../../model/notification.js'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Clock, Sink } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { devicesIn } from './devices.js'
import type { Handover } from './handover.js'
import type { DeviceResult } from './provider.js'
import { type Push, pushOf } from './push.js'
import { type DeviceDirectory, type GoneDevice, removeGone } from './removal.js'
import { verdictOn } from './verdict.js'

/** Shows a notification on the devices of its user, each by the provider of its platform. */
export class PushSink implements Sink {
  readonly #handovers: readonly Handover[]
  readonly #directory: DeviceDirectory
  readonly #clock: Clock
  readonly #telemetry: Telemetry

  constructor(
    handovers: readonly Handover[],
    directory: DeviceDirectory,
    clock: Clock,
    telemetry: Telemetry,
  ) {
    this.#handovers = handovers
    this.#directory = directory
    this.#clock = clock
    this.#telemetry = telemetry
  }

  /** Providers are guarded here, each by itself: one that is down must not keep a push from the other's devices. */
  target(): null {
    return null
  }

  async send(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const devices = devicesIn(notification.metadata)
    if (devices === null) {
      throw new DeliveryFailure('invalid_address', 'the metadata name no devices', { retryable: false })
    }
    const askedAt = this.#clock.now()
    const push = pushOf(notification)
    const asked = await Promise.all(
      byPlatform(devices).map(async ({ platform, tokens }) => ({
        platform,
        tokens,
        results: await this.#ask(platform, notification.tenantId, push, tokens, signal),
      })),
    )
    const gone = asked.flatMap(({ platform, tokens, results }) => goneOf(platform, tokens, results ?? []))
    const removed = await removeGone(this.#directory, this.#telemetry.log, notification, gone, askedAt)
    return verdictOn(
      asked.map(({ platform, tokens, results }) => ({
        platform,
        devices: tokens.length,
        results,
        removed: removed.filter((device) => device.platform === platform).length,
      })),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#handovers.map((handover) => handover.close()))
  }

  async #ask(
    platform: Platform,
    tenantId: string,
    push: Push,
    tokens: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeviceResult[] | null> {
    const handover = this.#handovers.find((one) => one.platform === platform)
    if (handover === undefined || !handover.isOpenTo(tenantId)) return null
    return handover.send(push, tokens, signal)
  }
}

interface Tokens {
  readonly platform: Platform
  readonly tokens: readonly string[]
}

function byPlatform(devices: readonly Device[]): readonly Tokens[] {
  const platforms = [...new Set(devices.map(({ platform }) => platform))]
  return platforms.map((platform) => ({
    platform,
    tokens: devices.filter((device) => device.platform === platform).map(({ token }) => token),
  }))
}

const goneOf = (
  platform: Platform,
  tokens: readonly string[],
  results: readonly DeviceResult[],
): readonly GoneDevice[] =>
  results.flatMap((result, n) => {
    const token = tokens[n]
    return result.kind === 'gone' && token !== undefined ? [{ platform, token, goneAt: result.goneAt }] : []
  })
