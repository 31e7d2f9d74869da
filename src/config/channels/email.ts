import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Frozen } from '../frozen.js'
import { Count, Duration, Flag, Formatted, OptionalText, Port, Size, section, Text } from '../values.js'
import { deliveryOf, retryOf, retrySection, tried, usual, usualOf } from './delivery.js'
import { readSigningKey } from './signing-key.js'

const SECOND = 1_000
const HOUR = 3_600_000
/** What a batch request may hold, less its other fields and the third that base64 adds. */
const MOST_ATTACHED = 5 * 1_024 * 1_024

export const emailSchema = section({
  ...usual,
  ...tried,
  from: Text,
  bounce_address: OptionalText,
  max_attachments: Size(0, MOST_ATTACHED),
  retry: retrySection,
  smtp: section({
    host: OptionalText,
    port: Port,
    username: OptionalText,
    password: OptionalText,
    oauth2: section({
      token_url: Type.Optional(Formatted('web-url')),
      client_id: OptionalText,
      client_secret: OptionalText,
      refresh_token: OptionalText,
      scope: OptionalText,
    }),
    secure: Flag,
    require_tls: Type.Optional(Flag),
    pool_size: Count(1, 1_000),
    idle_timeout: Duration(SECOND, HOUR),
  }),
  dkim: section({ domain: OptionalText, selector: OptionalText, private_key: OptionalText }),
})

type EmailSettings = Static<typeof emailSchema>
export type EmailConfig = Frozen<ReturnType<typeof emailOf>>

export function emailOf(email: EmailSettings, dataDir: string) {
  const { smtp } = email
  return {
    ...usualOf(email),
    from: email.from,
    /** Null: the sender. */
    bounceAddress: email.bounce_address ?? null,
    /** Of one request, decoded. */
    maxAttachmentBytes: email.max_attachments,
    delivery: deliveryOf(email),
    retry: retryOf(email),
    dkim: dkimOf(email.dkim),
    transport: smtp.host
      ? {
          kind: 'smtp' as const,
          host: smtp.host,
          port: smtp.port,
          username: smtp.username ?? null,
          password: smtp.password ?? null,
          oauth2: oauth2Of(smtp.oauth2),
          secure: smtp.secure,
          // A password must not go out in clear because somebody stripped STARTTLS off.
          requireTls: smtp.require_tls ?? smtp.username !== undefined,
          poolSize: smtp.pool_size,
          idleMs: smtp.idle_timeout,
        }
      : { kind: 'outbox' as const, directory: join(dataDir, 'outbox') },
  }
}

function oauth2Of(oauth2: EmailSettings['smtp']['oauth2']) {
  const { token_url, client_id, client_secret, refresh_token, scope } = oauth2
  if (Object.values(oauth2).every((value) => value === undefined)) return null
  return {
    tokenUrl: token_url ?? '',
    clientId: client_id ?? '',
    clientSecret: client_secret ?? null,
    refreshToken: refresh_token ?? null,
    scope: scope ?? null,
  }
}

function dkimOf({ domain, selector, private_key }: EmailSettings['dkim']) {
  if (domain === undefined && selector === undefined && private_key === undefined) return null
  const key = private_key === undefined ? { pem: '', wrong: null } : readSigningKey(private_key)
  return {
    domain: domain ?? '',
    selector: selector ?? '',
    privateKey: key.pem,
    /** What is wrong with the key. */
    keyProblem: key.wrong,
  }
}
