import type { BatchAnswer } from '../../src/api/schemas/batch.js'
import type { NotificationAnswer } from '../../src/api/schemas/notification.js'
import type { Client } from './client.js'
import { MARK } from './marks.js'
import type { WebhookReceiver } from './receivers.js'
import { eventually } from './waiting.js'

export const ITEMS = [1, 2, 3, 4, 5]

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

/** By user and item, in how many digests it came. A digest that came twice counts once. */
export function itemsReceived(receiver: WebhookReceiver): ReadonlyMap<string, number> {
  const bodies = new Map<string, string>()
  const found = new Map<string, number>()
  for (const { id, body } of receiver.requests) {
    const { user_id, content }: { user_id: string; content: string } = JSON.parse(body)
    const told = `${user_id} ${content}`
    if ((bodies.get(id) ?? told) !== told) throw new Error(`${id} came with two texts`)
    if (bodies.has(id)) continue
    bodies.set(id, told)
    for (const [, item] of content.matchAll(/item (\d+):/g)) {
      const key = `${user_id} ${item}`
      found.set(key, (found.get(key) ?? 0) + 1)
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
