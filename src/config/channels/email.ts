import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Frozen } from '../frozen.js'
import type { Problem } from '../problem.js'
import { Count, Duration, Flag, OptionalText, Port, section, Text } from '../values.js'
import { deliveryOf, retryOf, retrySection, tried, usual, usualOf } from './delivery.js'

const SECOND = 1_000
const HOUR = 3_600_000

export const emailSchema = section({
  ...usual,
  ...tried,
  from: Text,
  retry: retrySection,
  smtp: section({
    host: OptionalText,
    port: Port,
    username: OptionalText,
    password: OptionalText,
    secure: Flag,
    require_tls: Type.Optional(Flag),
    pool_size: Count(1, 1_000),
    idle_timeout: Duration(SECOND, HOUR),
  }),
})

export type EmailConfig = Frozen<ReturnType<typeof emailOf>>

export function emailOf(email: Static<typeof emailSchema>, dataDir: string) {
  const { smtp } = email
  return {
    ...usualOf(email),
    from: email.from,
    delivery: deliveryOf(email),
    retry: retryOf(email),
    transport: smtp.host
      ? {
          kind: 'smtp' as const,
          host: smtp.host,
          port: smtp.port,
          username: smtp.username ?? null,
          password: smtp.password ?? null,
          secure: smtp.secure,
          // A password must not go out in clear because somebody stripped STARTTLS off.
          requireTls: smtp.require_tls ?? smtp.username !== undefined,
          poolSize: smtp.pool_size,
          idleMs: smtp.idle_timeout,
        }
      : { kind: 'outbox' as const, directory: join(dataDir, 'outbox') },
  }
}

export function emailProblems({ transport, delivery }: EmailConfig): readonly Problem[] {
  if (transport.kind === 'outbox') return []
  const problems: Problem[] = []
  if ((transport.username === null) !== (transport.password === null)) {
    problems.push({
      key: 'channels.email.smtp',
      message: 'needs both username and password (SMTP_USERNAME, SMTP_PASSWORD), or neither',
    })
  }
  if (delivery.slots > 2 * transport.poolSize) {
    problems.push({
      key: 'channels.email.slots',
      message:
        'must be at most twice channels.email.smtp.pool_size: more would wait in the process, not in the queue',
    })
  }
  return problems
}
