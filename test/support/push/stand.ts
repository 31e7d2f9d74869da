import type { Test } from 'tap'
import type { Device } from '../../../src/model/device.js'
import type { JsonObject } from '../../../src/model/json.js'
import type { Notification } from '../../../src/model/notification.js'
import { DeliveryFailure, type Receipt } from '../../../src/model/outcome.js'
import { createPushSink, type PushOptions } from '../../../src/sinks/push/index.js'
import type { GoneDevice } from '../../../src/sinks/push/removal.js'
import type { PushSink } from '../../../src/sinks/push/sink.js'
import { aNotification } from '../notification.js'
import { recordedTelemetry } from '../telemetry.js'
import { type Apple, KEY_ID, TEAM_ID, TOPIC } from './apple.js'
import type { Google } from './google.js'

const BREAKER = { failureRate: 0.5, windowMs: 30_000, minimumCalls: 20, halfOpenAfterMs: 15_000 }
const LIMITS = { timeoutMs: 5_000, slots: 10, tenants: null }

export interface Stand {
  readonly sink: PushSink
  readonly telemetry: ReturnType<typeof recordedTelemetry>
  /** What was asked to be removed; by default all of it is. */
  readonly gone: GoneDevice[]
  /** Sends to devices; what the sink throws is what this resolves to. */
  push(devices: readonly Device[], changes?: Partial<Notification>): Promise<Receipt | DeliveryFailure>
}

export interface StandOptions {
  readonly google?: Google
  readonly apple?: Apple
  readonly fcm?: Partial<NonNullable<PushOptions['fcm']>>
  readonly apns?: Partial<NonNullable<PushOptions['apns']>>
  readonly rest?: Partial<PushOptions>
}

/** The channel as the service builds it, before stand-ins of the vendors. */
export function stand(t: Pick<Test, 'teardown'>, { google, apple, fcm, apns, rest }: StandOptions): Stand {
  const telemetry = recordedTelemetry()
  const gone: GoneDevice[] = []
  const sink = createPushSink({
    fcm: google
      ? { credentials: google.credentials, proxy: google.proxy, ca: google.ca, ...LIMITS, ...fcm }
      : null,
    apns: apple
      ? {
          ...{ key: apple.key, keyId: KEY_ID, teamId: TEAM_ID, topic: TOPIC, production: false },
          ...{ endpoint: apple.endpoint, ca: apple.ca },
          ...LIMITS,
          ...apns,
        }
      : null,
    tries: 2,
    slots: 20,
    breaker: BREAKER,
    directory: {
      removeGone: async (_user, devices) => {
        gone.push(...devices)
        return devices
      },
    },
    clock: { now: () => Date.now() },
    telemetry,
    ...rest,
  })
  t.teardown(() => sink.close())
  const never = new AbortController().signal
  return {
    sink,
    telemetry,
    gone,
    push: async (devices, changes = {}) => {
      const metadata: JsonObject = {
        ...changes.metadata,
        devices: devices.map(({ platform, token }) => ({ platform, token })),
      }
      try {
        return await sink.send(aNotification({ channel: 'push', ...changes, metadata }), never)
      } catch (error) {
        if (error instanceof DeliveryFailure) return error
        throw error
      }
    },
  }
}

export const android = (...tokens: readonly string[]): readonly Device[] =>
  tokens.map((token) => ({ platform: 'fcm', token }))

/** Tokens of APNs are hexadecimal: this one begins with the hexadecimal of its name. */
export const appleToken = (name: string): string => Buffer.from(name).toString('hex').padEnd(64, '0')

export const iphone = (...names: readonly string[]): readonly Device[] =>
  names.map((name) => ({ platform: 'apns', token: appleToken(name) }))
