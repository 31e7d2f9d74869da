import { type Static, Type } from 'typebox'
import type { Frozen } from '../frozen.js'
import type { Problem } from '../problem.js'
import { Flag, Formatted, List, OptionalText, section } from '../values.js'
import { deliveryOf, retryOf, retrySection, tenantsOf, tried, usual, usualOf } from './delivery.js'

export const pushSchema = section({
  ...usual,
  ...tried,
  retry: retrySection,
  fcm: section({
    credentials: OptionalText,
    proxy: Type.Optional(Formatted('web-url')),
    tenants: List(),
  }),
  apns: section({
    key: OptionalText,
    key_id: OptionalText,
    team_id: OptionalText,
    topic: OptionalText,
    production: Flag,
    endpoint: Type.Optional(Formatted('host-and-port')),
    tenants: List(),
  }),
})

export type PushConfig = Frozen<ReturnType<typeof pushOf>>

export function pushOf(push: Static<typeof pushSchema>) {
  const { fcm, apns } = push
  const providers = {
    fcm:
      fcm.credentials === undefined
        ? null
        : { credentials: fcm.credentials, proxy: fcm.proxy ?? null, tenants: tenantsOf(fcm.tenants) },
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
            tenants: tenantsOf(apns.tenants),
          },
  }
  return {
    ...usualOf(push),
    /** Without a provider there is no such channel. */
    enabled: push.enabled && (providers.fcm !== null || providers.apns !== null),
    delivery: deliveryOf(push),
    retry: retryOf(push),
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
