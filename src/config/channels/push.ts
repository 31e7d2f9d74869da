import { type Static, Type } from 'typebox'
import type { Frozen } from '../frozen.js'
import type { Problem } from '../problem.js'
import { Count, Duration, Flag, Formatted, List, OptionalText, section } from '../values.js'
import { retryOf, retrySection, tenantsOf, usual, usualOf } from './delivery.js'

const SECOND = 1_000
/** Between two tries, and at the end to take devices that are gone out of the directory. */
const PAUSE_MS = SECOND
const MARGIN_MS = 5 * SECOND

const provider = {
  // At 15 s Google's SDK takes the request for lost and makes another one by itself.
  timeout: Duration(10, 14 * SECOND),
  slots: Count(1, 10_000),
  tenants: List(),
}

export const pushSchema = section({
  ...usual,
  tries: Count(1, 5),
  retry: retrySection,
  fcm: section({
    credentials: OptionalText,
    proxy: Type.Optional(Formatted('web-url')),
    ...provider,
  }),
  apns: section({
    key: OptionalText,
    key_id: OptionalText,
    team_id: OptionalText,
    topic: OptionalText,
    production: Flag,
    endpoint: Type.Optional(Formatted('host-and-port')),
    ...provider,
  }),
})

export type PushConfig = Frozen<ReturnType<typeof pushOf>>

export function pushOf(push: Static<typeof pushSchema>) {
  const { fcm, apns } = push
  const calls = ({ timeout, slots, tenants }: typeof fcm | typeof apns) => ({
    timeoutMs: timeout,
    slots,
    /** Null: all. */
    tenants: tenantsOf(tenants),
  })
  const providers = {
    fcm:
      fcm.credentials === undefined
        ? null
        : { credentials: fcm.credentials, proxy: fcm.proxy ?? null, ...calls(fcm) },
    apns:
      apns.key === undefined
        ? null
        : {
            key: apns.key,
            keyId: apns.key_id ?? '',
            teamId: apns.team_id ?? '',
            topic: apns.topic ?? '',
            production: apns.production,
            /** Null: Apple's own. */
            endpoint: apns.endpoint ?? null,
            ...calls(apns),
          },
  }
  const longestMs = Math.max(providers.fcm?.timeoutMs ?? 0, providers.apns?.timeoutMs ?? 0)
  return {
    ...usualOf(push),
    /** Without a provider there is no such channel. */
    enabled: push.enabled && (providers.fcm !== null || providers.apns !== null),
    /** Each provider has its own timeout and tries within: a device that took a push is not tried again. */
    delivery: {
      timeoutMs: (longestMs + PAUSE_MS) * push.tries + MARGIN_MS,
      tries: 1,
      slots: push.slots,
    },
    retry: retryOf(push),
    tries: push.tries,
    providers,
  }
}

export function pushProblems({ providers: { apns } }: PushConfig): readonly Problem[] {
  if (apns === null || (apns.keyId !== '' && apns.teamId !== '' && apns.topic !== '')) return []
  return [
    {
      key: 'channels.push.apns',
      message: 'needs key_id, team_id and topic too (APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC)',
    },
  ]
}
