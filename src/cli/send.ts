import { loadConfig } from '../config/load.js'
import { mint } from './token.js'
import { readOptions, required, UsageError } from './usage.js'

const ANSWER_MS = 10_000

/** Sends one notification through a running service, with a token of its own making. */
export async function sendCommand(args: string[]): Promise<void> {
  const options = readOptions(args, {
    tenant: { type: 'string' },
    user: { type: 'string' },
    channel: { type: 'string' },
    title: { type: 'string' },
    content: { type: 'string' },
    priority: { type: 'string' },
    metadata: { type: 'string' },
    url: { type: 'string' },
  })
  const tenant = required('tenant', options.tenant)
  const { host, port } = loadConfig().server
  const token = await mint({ tenantId: tenant, subject: 'cli', roles: ['sender'], expiresInSeconds: 60 })
  const answer = await fetch(new URL('/api/v1/notifications/send', options.url ?? `http://${host}:${port}`), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      tenant_id: tenant,
      user_id: required('user', options.user),
      channel: required('channel', options.channel),
      title: required('title', options.title),
      content: required('content', options.content),
      priority: options.priority,
      metadata: options.metadata === undefined ? undefined : readJson(options.metadata),
    }),
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch((error: unknown) => {
    throw new UsageError(`the service cannot be reached: ${explain(error)}`)
  })
  const text = await answer.text()
  if (!answer.ok) throw new UsageError(text)
  process.stdout.write(`${text}\n`)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`--metadata must be JSON: ${explain(error)}`)
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
