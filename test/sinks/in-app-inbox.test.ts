import t, { type Test } from 'tap'
import { InAppInbox, type InboxRows } from '../../src/sinks/in-app/inbox.js'
import { UserEvents } from '../../src/sinks/websocket/announcements.js'
import { MemoryUnreadCounts } from '../../src/state/memory/unread-counts.js'
import { RedisRelay } from '../../src/state/redis/relay.js'
import { RedisUnreadCounts } from '../../src/state/redis/unread-counts.js'
import { aNotification } from '../support/notification.js'
import { silentLog } from '../support/postgres.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'
import { Gate, Watch } from '../support/waiting.js'

const redis = await startRedis()
t.teardown(() => redis.stop())

const ann = { tenantId: 'acme', userId: 'ann' }
const clock = { now: () => Date.now() }

type Frame = Readonly<Record<string, unknown>>

/** Nobody is told anything. */
const offline = async () => false
const NOBODY = {
  notification: offline,
  unreadCount: offline,
  read: offline,
  unread: offline,
  archive: offline,
  readAll: offline,
}

/** Rows that change once, as those of the database do. */
class Rows implements InboxRows<string> {
  readonly unread: Set<string>
  readonly #archived = new Set<string>()

  constructor(count: number) {
    this.unread = new Set(Array.from({ length: count }, (_, n) => `n${n}`))
  }

  async change(_: unknown, id: string, change: 'read' | 'unread' | 'archive') {
    const before = this.unread.size
    const changed =
      change === 'archive' ? !this.#archived.has(id) : this.unread.has(id) === (change === 'read')
    if (change === 'archive') this.#archived.add(id)
    if (change === 'unread') this.unread.add(id)
    else this.unread.delete(id)
    return { record: id, changed, delta: this.unread.size - before }
  }

  async readAll(): Promise<number> {
    const updated = this.unread.size
    this.unread.clear()
    return updated
  }

  async countUnread(): Promise<number> {
    return this.unread.size
  }
}

/** Two instances that share a Redis and the rows, and a device that is connected to the second. */
async function instances(t: Test, rows: Rows) {
  const prefix = newPrefix()
  const open = async () => {
    const connection = await testConnection(t, redis, prefix)
    const relay = new RedisRelay(connection, silentLog())
    const counts = new RedisUnreadCounts(connection, silentLog(), { settleMs: 0 })
    return {
      relay,
      inbox: new InAppInbox(rows, counts, new UserEvents(relay, clock, silentLog()), silentLog()),
    }
  }
  const [here, there] = [await open(), await open()]
  const frames: Frame[] = []
  const watch = new Watch()
  there.relay.onFrame({
    toUser: (_user, { data }) => {
      frames.push(JSON.parse(data))
      watch.changed()
    },
    toTenant: () => {},
    interrupted: () => {},
  })
  await there.relay.join(ann)
  /** What the device shows after everything that was sent before. */
  const shown = async (): Promise<number> => {
    await here.relay.toUser(ann, { data: '{"type":"end"}', critical: false })
    await watch.until(() => frames.some(({ type }) => type === 'end'), 'the end')
    return Number(frames.findLast(({ type }) => type === 'unread_count')?.count)
  }
  return { here: here.inbox, there: there.inbox, frames, shown }
}

t.test('what one device does the others are told, each change once', async (t) => {
  const rows = new Rows(3)
  const { here, frames, shown } = await instances(t, rows)
  await here.change(ann, 'n0', 'read')
  await here.change(ann, 'n0', 'read')
  await here.change(ann, 'n0', 'unread')
  await here.change(ann, 'n1', 'read')
  await here.change(ann, 'n1', 'archive')
  await here.change(ann, 'n1', 'archive')
  t.equal(await here.readAll(ann), 2)
  t.equal(await here.readAll(ann), 0)
  t.equal(await shown(), 0)
  t.same(frames.slice(0, -1), [
    { type: 'read', id: 'n0' },
    { type: 'unread_count', count: 2 },
    { type: 'unread', id: 'n0' },
    { type: 'unread_count', count: 3 },
    { type: 'read', id: 'n1' },
    { type: 'unread_count', count: 2 },
    // It was read already: the count is what it was.
    { type: 'archived', id: 'n1' },
    { type: 'read_all' },
    { type: 'unread_count', count: 0 },
  ])
})

t.test('a count that is overtaken is told again', async (t) => {
  const rows = new Rows(3)
  const told: number[] = []
  const overtaken = new Gate()
  const events = {
    ...NOBODY,
    unreadCount: async (_: unknown, count: number) => {
      // The first to tell is the last to be heard.
      if (count === 2) await overtaken.opened
      told.push(count)
      return true
    },
  }
  const inbox = new InAppInbox(rows, new MemoryUnreadCounts({ settleMs: 0 }), events, silentLog())
  await inbox.unreadCount(ann)
  const first = inbox.change(ann, 'n0', 'read')
  await inbox.change(ann, 'n1', 'read')
  overtaken.open()
  await first
  t.same(told, [1, 2, 1])
})

t.test('however many change it at once in both instances, the last count is the right one', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const rows = new Rows(20)
    const { here, there, shown } = await instances(t, rows)
    await here.unreadCount(ann)
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => (n % 2 ? here : there).change(ann, `n${n % 15}`, 'read')),
    )
    t.equal(await shown(), 5, `round ${round}`)
  }
})

t.test('of many that come at once the count is told once', async (t) => {
  const rows = new Rows(0)
  const { here, frames, shown } = await instances(t, rows)
  const notifications = Array.from({ length: 50 }, (_, n) => aNotification({ ...ann, id: `n${n}` }))
  for (const { id } of notifications) rows.unread.add(id)
  await here.announce(notifications)
  t.equal(await shown(), 50)
  t.equal(frames.filter(({ type }) => type === 'notification').length, 50)
  t.equal(frames.filter(({ type }) => type === 'unread_count').length, 1)
})
