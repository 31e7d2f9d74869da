import type { IncomingHttpHeaders } from 'node:http'
import type { Static } from 'typebox'
import { Agent, request } from 'undici'
import type { Problem } from '../../src/api/http/problem.js'
import type { InboxAnswer, NotificationDetail } from '../../src/api/schemas/notification.js'
import type { SendAnswer } from '../../src/api/schemas/send.js'
import type { Json, JsonObject } from '../../src/model/json.js'
import type { Status } from '../../src/model/notification.js'
import { MARK } from './marks.js'
import { eventually } from './waiting.js'

export interface Answer<T> {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Of a success. */
  readonly body: T
  /** Of anything else. */
  readonly problem: Problem
}

export type Page = Static<typeof InboxAnswer>

export interface Caller {
  readonly subject: string
  readonly tenantId: string
  readonly token: string
}

const ANSWER_MS = 20_000
const FINAL: ReadonlySet<Status> = new Set([
  'sent',
  'failed',
  'suppressed',
  'cancelled',
  'expired',
  'uncertain',
])

/** Speaks to a daemon as its users do. */
export class Client {
  readonly caller: Caller
  readonly #url: () => string
  readonly #agent = new Agent({ connections: 100, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS })

  constructor(url: () => string, caller: Caller) {
    this.#url = url
    this.caller = caller
  }

  /** A body that is text is sent as it is. */
  async call<T>(
    method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH',
    path: string,
    body?: Json | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const answer = await request(`${this.#url()}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.caller.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await answer.body.text()
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text,
      get body() {
        return JSON.parse(text)
      },
      get problem() {
        return JSON.parse(text)
      },
    }
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.call('GET', path)
  }

  post<T>(path: string, body: Json = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer<T>> {
    return this.call('POST', path, body, headers)
  }

  put<T>(path: string, body: Json = {}): Promise<Answer<T>> {
    return this.call('PUT', path, body)
  }

  send(change: JsonObject, headers: Readonly<Record<string, string>> = {}): Promise<Answer<SendAnswer>> {
    return this.post('/api/v1/notifications/send', this.message({ user_id: 'ada', ...change }), headers)
  }

  /** A request whose texts must never stand in a log. */
  message(change: JsonObject): JsonObject {
    return {
      tenant_id: this.caller.tenantId,
      channel: 'in_app',
      title: `${MARK} title`,
      content: `${MARK} content`,
      ...change,
    }
  }

  /** Resolves to the id; throws what was answered instead of 200. */
  async accepted(change: JsonObject): Promise<string> {
    const { status, body } = await this.send(change)
    if (status !== 200) throw new Error(`refused with ${status}: ${JSON.stringify(body)}`)
    return body.id
  }

  async detail(id: string): Promise<NotificationDetail> {
    const { status, body } = await this.get<NotificationDetail>(`/api/v1/notifications/${id}`)
    if (status !== 200) throw new Error(`answered with ${status}: ${JSON.stringify(body)}`)
    return body
  }

  /** The notification once nothing more happens to it. */
  async final(id: string): Promise<NotificationDetail> {
    return eventually(async () => {
      const detail = await this.detail(id)
      return FINAL.has(detail.status) && detail
    }, `${id} to be final`)
  }

  /** Everything a user was sent by a channel, page by page. */
  async all(userId: string, channel: string): Promise<Page['notifications']> {
    const found: Page['notifications'] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { body }: Answer<Page> = await this.get(
        `/api/v1/users/${encodeURIComponent(userId)}/notifications?channel=${channel}&limit=100${more}`,
      )
      found.push(...body.notifications)
      cursor = body.next_cursor
    }
    return found
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
