import type { Test } from 'tap'
import type { Role } from '../../src/api/ports.js'
import { checkEmailAddress } from '../../src/sinks/email/address.js'
import { GROUPS, testRecipients } from '../support/recipients.js'
import { type Answer, type Client, type Overrides, options, serve, token } from './support.js'

export const TENANT = 't1'

/** A server over the real directory and lists, with the real check of addresses. */
export async function serveDirectory(t: Test, overrides: Overrides = {}) {
  const { a } = await testRecipients(t)
  const { directory, preferences, blocklist, suppressions, personalData } = a
  const { rules } = options()
  const client = await serve(t, {
    directory,
    preferences,
    blocklist,
    suppressions,
    personalData,
    groups: GROUPS,
    rules: {
      ...rules,
      checks: {
        ...rules.checks,
        email: ({ email }, prefix) => {
          const message = checkEmailAddress(email)
          return message === null ? null : { field: `${prefix}/email`, message }
        },
      },
    },
    ...overrides,
  })
  return {
    ...a,
    client,
    as: (subject: string, role: Role, tenantId = TENANT) => token(subject, tenantId, [role]),
  }
}

/** The fields that an answer says are wrong. */
export function wrongFields({ status, body }: Answer): readonly string[] {
  const { code, errors } = Object(body)
  if (status !== 400 || code !== 'validation_failed') return [`${status} ${code}`]
  return Object(errors).map(({ field }: { readonly field: string }) => field)
}

export const message = ({ body }: Answer): string => String(Object(Object(body).errors)[0]?.message)

/** Who may call a route, and that nobody else may. */
export async function onlyFor(
  t: Test,
  client: Client,
  call: { readonly method: string; readonly path: string; readonly body?: unknown },
  allowed: Readonly<Record<string, boolean>>,
): Promise<void> {
  for (const [who, may] of Object.entries(allowed)) {
    const [role, subject = ''] = who.split(' ')
    if (role !== 'admin' && role !== 'sender' && role !== 'user') throw new Error(`no role: ${role}`)
    const { method, path, body } = call
    const answer = await client.call(method, path, { body, token: await token(subject, TENANT, [role]) })
    t.equal(answer.status === 403, !may, `${who}: ${method} ${path} ${answer.status}`)
    t.ok(answer.status < 500, `${who}: ${method} ${path} ${answer.status}`)
  }
}
