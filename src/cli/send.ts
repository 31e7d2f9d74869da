import { explain, Service } from './service.js'
import { readOptions, required, UsageError } from './usage.js'

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
  const service = new Service({ tenant, role: 'sender', url: options.url })
  const answer = await service.call('POST', '/api/v1/notifications/send', {
    tenant_id: tenant,
    user_id: required('user', options.user),
    channel: required('channel', options.channel),
    title: required('title', options.title),
    content: required('content', options.content),
    priority: options.priority,
    metadata: options.metadata === undefined ? undefined : readJson(options.metadata),
  })
  process.stdout.write(`${answer}\n`)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`--metadata must be JSON: ${explain(error)}`)
  }
}
