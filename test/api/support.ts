import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { createAuthenticator } from '../../src/api/auth/authenticator.js'
import { mintToken } from '../../src/api/auth/mint.js'
import type { Api } from '../../src/api/http/api.js'
import type { ServerOptions } from '../../src/api/options.js'
import type { Role } from '../../src/api/ports.js'
import { buildServer } from '../../src/api/server.js'
import { createSending, type SendingPorts } from '../../src/api/use-cases/sending.js'
import { CHANNELS } from '../../src/model/notification.js'
import { MemoryCallerCounters } from '../../src/state/memory/caller-counters.js'
import { createLog } from '../../src/telemetry/log.js'
import { createMetrics } from '../../src/telemetry/metrics.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'
import { unsubscribeLinks } from '../support/unsubscribe.js'
import { memoryPorts } from './memory-ports.js'

export const SECRET = 'a-secret-that-is-long-enough-for-hs256'
export const NOW = Date.parse('2027-03-01T12:00:00Z')

export type Overrides = Partial<ServerOptions & SendingPorts>

/** Ports in memory, the real authenticator, a clock that stands still. */
export function options(overrides: Overrides = {}): ServerOptions {
  const ports: Omit<ServerOptions, 'sending'> & Omit<SendingPorts, 'log'> = {
    ...memoryPorts(),
    unsubscribeLinks: unsubscribeLinks(),
    authenticator: createAuthenticator({ secret: SECRET, jwksUrl: null }),
    dependencies: [],
    telemetry: { log: createLog('silent'), metrics: createMetrics(), tracing: NO_TRACING },
    rules: {
      channels: () => new Set(CHANNELS),
      checks: {
        email: (metadata, prefix) =>
          typeof metadata.email === 'string' ? null : { field: `${prefix}/email`, message: 'is required' },
        webhook: (metadata, prefix) =>
          typeof metadata.webhook_url === 'string'
            ? null
            : { field: `${prefix}/webhook_url`, message: 'is required' },
        sms: () => null,
        push: () => null,
        websocket: () => null,
        in_app: () => null,
      },
      maxAttachmentBytes: 1_000,
      clock: { now: () => NOW },
    },
    callerCounters: new MemoryCallerCounters(),
    requestLimits: { bodyLimitBytes: 1_048_576, batchBodyLimitBytes: 8_388_608, requestTimeoutMs: 30_000 },
    limits: { userPerMinute: 0, senderPerMinute: 0 },
    templateLocale: 'zh',
    groups: new Map(),
    quietHours: { windows: [{ start: 22 * 60, end: 8 * 60 }], timezone: 'Asia/Shanghai' },
    admission: () => null,
    isShuttingDown: () => false,
    version: '0.0.0-test',
    ...overrides,
  }
  return { sending: createSending({ ...ports, log: ports.telemetry.log }), ...ports }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface Client {
  readonly api: Api
  readonly url: string
  call(method: string, path: string, init?: CallInit): Promise<Answer>
}

export interface CallInit {
  readonly body?: unknown
  readonly raw?: string | Uint8Array
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

/** A server on a free port, closed with the test, and a client that is a sender of tenant `t1`. */
export async function serve(t: Test, overrides: Overrides = {}): Promise<Client> {
  const api = buildServer(options(overrides))
  await api.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => api.close())
  const url = urlOf(api)
  const sender = await token('svc', 't1', ['sender'])
  return {
    api,
    url,
    async call(method, path, { body, raw, token: given = sender, headers = {} } = {}) {
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          ...(given === null ? {} : { authorization: `Bearer ${given}` }),
          ...headers,
        },
        ...(payload === undefined ? {} : { body: payload }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: parse(text) }
    },
  }
}

export function urlOf(api: Api): string {
  const address = api.server.address()
  return `http://127.0.0.1:${isAddress(address) ? address.port : 0}`
}

const isAddress = (address: unknown): address is AddressInfo =>
  typeof address === 'object' && address !== null

export const token = (subject: string, tenantId: string, roles: readonly Role[]): Promise<string> =>
  mintToken(SECRET, { subject, tenantId, roles, expiresInSeconds: 600 })

/** A body that is accepted as it is. */
export const VALID = {
  tenant_id: 't1',
  user_id: 'u1',
  channel: 'in_app',
  title: 'Hello',
  content: 'World',
} as const

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
