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
  const places = (providers.fcm?.slots ?? 0) + (providers.apns?.slots ?? 0)
  return {
    ...usualOf(push),
    /** Without a provider there is no such channel. */
    enabled: push.enabled && (providers.fcm !== null || providers.apns !== null),
    /**
     * Each provider has its own timeout and tries within: a device that took a push is not tried again. Besides,
     * an attempt may wait for places, as long as for one answer.
     */
    delivery: {
      timeoutMs: (longestMs + PAUSE_MS) * push.tries + longestMs + MARGIN_MS,
      tries: 1,
      /** No more than the providers take at once: what would only wait for them is better left in the queue. */
      slots: places === 0 ? push.slots : Math.min(push.slots, places),
    },
    retry: retryOf(push),
    tries: push.tries,
    providers,
    /** What says that a provider was meant, whether there is one or not. */
    meant: {
      fcm: namesOf({ 'proxy (FCM_PROXY)': fcm.proxy }),
      apns: namesOf({
        'key_id (APNS_KEY_ID)': apns.key_id,
        'team_id (APNS_TEAM_ID)': apns.team_id,
        'topic (APNS_TOPIC)': apns.topic,
        'endpoint (APNS_ENDPOINT)': apns.endpoint,
      }),
    },
  }
}

/** Of what is set. */
const namesOf = (settings: Readonly<Record<string, string | undefined>>): readonly string[] =>
  Object.keys(settings).filter((name) => settings[name] !== undefined)

const without = (missing: string, meant: readonly string[]): string =>
  `has ${meant.join(', ')} but no ${missing}, without which this provider is not there`

export function pushProblems({ providers: { fcm, apns }, meant }: PushConfig): readonly Problem[] {
  const problems: Problem[] = []
  if (fcm === null && meant.fcm.length > 0) {
    problems.push({ key: 'channels.push.fcm', message: without('credentials (FCM_CREDENTIALS)', meant.fcm) })
  }
  if (apns === null && meant.apns.length > 0) {
    problems.push({ key: 'channels.push.apns', message: without('key (APNS_KEY)', meant.apns) })
  }
  if (apns !== null && (apns.keyId === '' || apns.teamId === '' || apns.topic === '')) {
    problems.push({
      key: 'channels.push.apns',
      message: 'needs key_id, team_id and topic too (APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC)',
    })
  }
  return problems
}
