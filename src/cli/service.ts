import { setTimeout as delay } from 'node:timers/promises'
import type { Role } from '../api/ports.js'
import { loadConfig } from '../config/load.js'
import { mint } from './token.js'
import { CommandError } from './usage.js'

const ANSWER_MS = 30_000
const TOKEN_SECONDS = 60
/** How often in a row a service that is away or saturated is asked again. */
const MOST_WAITS = 5
const LONGEST_WAIT_S = 30

export interface Caller {
  readonly tenant: string
  readonly role: Role
  /** Undefined: where the configuration says that it listens. */
  readonly url: string | undefined
}

interface Answer {
  readonly ok: boolean
  readonly status: number
  /** JSON, or nothing. */
  readonly text: string
  readonly retryAfter: string | null
}

/** A running service, called with tokens of our own making. */
export class Service {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** The text of a good answer. Throws a `CommandError` that says why there is none. */
  async call(method: string, path: string, body?: object): Promise<string> {
    const answer = await this.#ask(method, path, body)
    if (!answer.ok) throw new CommandError(reasonOf(answer))
    return answer.text
  }

  /** As `call`, but waits a while for one that is away or saturated. */
  async callPatiently(method: string, path: string, body?: object): Promise<string> {
    for (let waits = 0; ; waits += 1) {
      const answer = await this.#ask(method, path, body)
      if (answer.ok) return answer.text
      const passing = answer.status === 503 || answer.status === 429
      if (!passing || waits === MOST_WAITS) throw new CommandError(reasonOf(answer))
      await delay(1_000 * Math.min(LONGEST_WAIT_S, Math.max(1, Number(answer.retryAfter) || 1)))
    }
  }

  async #ask(method: string, path: string, body: object | undefined): Promise<Answer> {
    const { tenant, role, url } = this.#caller
    const claims = { tenantId: tenant, subject: 'cli', roles: [role], expiresInSeconds: TOKEN_SECONDS }
    const token = await mint(claims)
    try {
      const answer = await fetch(new URL(path, url ?? configuredUrl()), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      const { ok, status, headers } = answer
      return { ok, status, text: await answer.text(), retryAfter: headers.get('retry-after') }
    } catch (error) {
      throw new CommandError(`the service cannot be reached: ${explain(error)}`)
    }
  }
}

/** What a problem document says, in one line. */
function reasonOf({ status, text }: Answer): string {
  try {
    const { code, detail } = Object(JSON.parse(text))
    if (typeof code === 'string' && typeof detail === 'string') return `${code}: ${detail}`
  } catch {
    // Something in between answered: what it says is shown as it is.
  }
  return `${status} ${text}`
}

function configuredUrl(): string {
  const { host, port } = loadConfig().server
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
