import { setTimeout as delay } from 'node:timers/promises'
import type { BatchAnswer } from '../../src/api/schemas/batch.js'
import type { NotificationAnswer } from '../../src/api/schemas/notification.js'
import type { Client } from './client.js'
import { MARK } from './marks.js'
import type { WebhookReceiver } from './receivers.js'
import { eventually } from './waiting.js'

export const ITEMS = [1, 2, 3, 4, 5]
/** Not more than a digest tells of one by one. */
const MOST_ITEMS = 45
/** So that it lasts. */
const PAUSE_MS = 15

/** Users who want everything in hourly digests. */
export async function hourlyReaders(service: Client, count: number, timezone: string): Promise<string[]> {
  const users = Array.from({ length: count }, (_, n) => `reader-${n}`)
  const recipients = users.map((user_id) => ({ user_id, timezone }))
  const { status, text } = await service.post('/api/v1/recipients', { recipients })
  if (status !== 200) throw new Error(text)
  const subscriptions = [{ enabled: true, frequency: 'hourly' }]
  await Promise.all(
    users.map(async (user_id) => {
      const answer = await service.call('PUT', '/api/v1/subscriptions', { user_id, subscriptions })
      if (answer.status !== 200) throw new Error(answer.text)
    }),
  )
  return users
}

/** Sends every item to every user, by all clients in turn. */
export async function sendItems(
  clients: readonly Client[],
  users: readonly string[],
  { target }: WebhookReceiver,
): Promise<void> {
  const sent = ITEMS.map(async (item) => {
    const service = clients[item % clients.length]
    if (service === undefined) throw new Error('there is no client')
    const message = service.message({ ...target, title: `${MARK} item ${item}`, user_ids: users })
    const { body } = await service.post<BatchAnswer>('/api/v1/notifications/batch', message)
    if (body.accepted !== users.length) throw new Error(`refused: ${JSON.stringify(body)}`)
  })
  await Promise.all(sent)
}

/** Sends one item after the other to the users in turn, each with a number of its own. */
export class ItemLoad {
  /** What was answered with 200, as `itemsReceived` names it, and when it was sent. */
  readonly accepted = new Map<string, number>()
  readonly #workers: readonly Promise<void>[]
  #sent = 0
  #stopped = false

  constructor(service: Client, users: readonly string[], receiver: WebhookReceiver, concurrency: number) {
    this.#workers = Array.from({ length: concurrency }, () => this.#work(service, users, receiver))
  }

  /** Resolves when so many have been accepted since now. */
  async more(count: number): Promise<void> {
    const wanted = this.accepted.size + count
    await eventually(async () => this.accepted.size >= wanted, `${count} more to be accepted`)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  async #work(service: Client, users: readonly string[], { target }: WebhookReceiver): Promise<void> {
    const most = users.length * MOST_ITEMS
    while (!this.#stopped && this.#sent < most) {
      this.#sent += 1
      const item = this.#sent
      const user_id = users[item % users.length] ?? ''
      const message = { ...target, user_id, title: `${MARK} item ${item}` }
      const began = Date.now()
      const answer = await service.send(message).catch(() => null)
      if (answer?.status === 200) this.accepted.set(`${user_id} ${item}`, began)
      await delay(PAUSE_MS)
    }
  }
}

/** An item of a digest. */
export interface ReceivedItem {
  /** In how many digests it came. One that came twice counts once. */
  readonly digests: number
  /** When it came first. */
  readonly at: number
}

/** What was in digests, by user and item. */
export function itemsReceived({ requests }: WebhookReceiver): ReadonlyMap<string, ReceivedItem> {
  const texts = new Map<string, string>()
  const found = new Map<string, ReceivedItem>()
  for (const { id, body, at } of requests) {
    const { user_id, content }: { user_id: string; content: string } = JSON.parse(body)
    const text = `${user_id} ${content}`
    if ((texts.get(id) ?? text) !== text) throw new Error(`${id} came with two texts`)
    if (texts.has(id)) continue
    texts.set(id, text)
    for (const [, item] of content.matchAll(/item (\d+):/g)) {
      const key = `${user_id} ${item}`
      const known = found.get(key) ?? { digests: 0, at }
      found.set(key, { ...known, digests: known.digests + 1 })
    }
  }
  return found
}

/** All that users were sent by webhook, once none of it is open. */
export async function everything(
  service: Client,
  users: readonly string[],
): Promise<readonly NotificationAnswer[]> {
  const found: NotificationAnswer[] = []
  for (const user of users) {
    const all = await eventually(async () => {
      const some = await service.all(user, 'webhook')
      return some.every(({ status }) => status !== 'pending' && status !== 'sending') && some
    }, `all of ${user} to be final`)
    found.push(...all)
  }
  return found
}
