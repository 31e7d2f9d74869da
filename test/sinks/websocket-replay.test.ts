import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { notificationId, uuidv7 } from '../../src/model/id.js'
import type { ReplayStore } from '../../src/sinks/websocket/replay.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import type { Shown, Since } from '../../src/streams/ports.js'
import { Gate } from '../support/waiting.js'
import {
  ask,
  type Client,
  connect,
  dial,
  NOTHING_MISSED,
  openStand,
  type Received,
  UPGRADE_HEADERS,
} from './websocket-stand.js'

const ann = { tenantId: 'acme', userId: 'ann' }
const SEEN = notificationId(1_000)

/** Rows of one user, oldest first. */
class Rows implements ReplayStore {
  readonly asked: Since[] = []
  readonly #rows: readonly Shown[]

  constructor(count: number, change: Partial<Shown> = {}) {
    this.#rows = Array.from({ length: count }, (_, n) => ({
      id: `n${n}`,
      title: 'T',
      content: 'C',
      priority: 'medium',
      metadata: { n, email: 'a@b.c' },
      shownAt: 5_000 + n * 1_000,
      isRead: false,
      ...change,
    }))
  }

  async since(_: unknown, since: Since, max: number): Promise<readonly string[] | null> {
    this.asked.push(since)
    return this.#rows.slice(0, max).map(({ id }) => id)
  }

  async read(_: unknown, ids: readonly string[]): Promise<readonly Shown[]> {
    return this.#rows.filter(({ id }) => ids.includes(id))
  }

  async unreadCount(): Promise<number> {
    return 7
  }
}

async function untilResumed(client: Client): Promise<readonly Received[]> {
  const frames: Received[] = []
  while (frames.at(-1)?.type !== 'resumed') frames.push(await client.next())
  return frames
}

const shown = (frames: readonly Received[]) =>
  frames.filter(({ type }) => type === 'notification').map(({ id }) => id)

t.test('who comes back is sent what was missed, oldest first, each with its own time', async (t) => {
  const missed = new Rows(50)
  const stand = await openStand(t, { missed })
  const frames = await untilResumed(dial(t, stand, 'acme/ann', { since: SEEN }))
  t.match(frames[0], { type: 'welcome' })
  t.same(frames[1], {
    type: 'notification',
    id: 'n0',
    title: 'T',
    content: 'C',
    priority: 'medium',
    metadata: { n: 0 },
    timestamp: 5,
  })
  t.same(
    shown(frames),
    Array.from({ length: 50 }, (_, n) => `n${n}`),
  )
  t.same(frames.slice(-2), [
    { type: 'unread_count', count: 7 },
    { type: 'resumed', count: 50, complete: true },
  ])
  t.same(missed.asked, [{ id: SEEN }])
  t.match((await stand.metrics.replays.get()).values, [{ labels: { result: 'complete' }, value: 1 }])
})

t.test('who does not ask is sent nothing', async (t) => {
  const missed = new Rows(5)
  const stand = await openStand(t, { missed })
  for (const since of [undefined, '']) {
    const client = await connect(t, stand, 'acme/ann', since === undefined ? {} : { since })
    await stand.relay.toUser(ann, { data: '{"n":1}', critical: false })
    t.same(await client.next(), { n: 1 })
  }
  t.same(missed.asked, [])
})

t.test('a broadcast that was seen last tells its time', async (t) => {
  const missed = new Rows(1)
  const stand = await openStand(t, { missed })
  await untilResumed(dial(t, stand, 'acme/ann', { since: `broadcast_${uuidv7(Date.now())}` }))
  const [since] = missed.asked
  t.ok(since !== undefined && 'at' in since && Math.abs(since.at - Date.now()) < 10_000)
})

t.test('what is no id of a notification is refused by name', async (t) => {
  const stand = await openStand(t)
  const id = notificationId(Date.now())
  for (const since of ['x', '1', `job_${uuidv7(1)}`, `${id}x`, 'notif_', `${id}&since=${id}`]) {
    const answer = await ask(stand, `/ws?since=${since}`, {
      ...UPGRADE_HEADERS,
      authorization: 'Bearer acme/ann',
    })
    t.match(answer, { status: 400 })
    t.match(JSON.parse(answer.body), { code: 'validation_failed', errors: [{ field: 'since' }] })
  }
})

t.test('what was read elsewhere is marked so', async (t) => {
  const stand = await openStand(t, { missed: new Rows(1, { isRead: true }) })
  const frames = await untilResumed(dial(t, stand, 'acme/ann', { since: SEEN }))
  t.match(frames.slice(1, 3), [{ type: 'notification' }, { type: 'read', id: 'n0' }])
})

t.test('too much, or nobody knows since when: the inbox has it', async (t) => {
  const full = await openStand(t, { missed: new Rows(201) })
  const frames = await untilResumed(dial(t, full, 'acme/ann', { since: SEEN }))
  t.equal(shown(frames).length, 200)
  t.match(frames.at(-1), { count: 200, complete: false })
  const unknown = await openStand(t, { missed: { ...NOTHING_MISSED, since: async () => null } })
  t.match((await untilResumed(dial(t, unknown, 'acme/ann', { since: SEEN }))).at(-1), {
    count: 0,
    complete: false,
  })
})

t.test('a store that is away leaves the socket open', async (t) => {
  const away = async () => Promise.reject(new Error('away'))
  const stand = await openStand(t, { missed: { ...NOTHING_MISSED, since: away } })
  for (const name of ['first', 'second']) {
    const client = dial(t, stand, 'acme/ann', { since: SEEN })
    t.match((await untilResumed(client)).at(-1), { count: 0, complete: false }, name)
    await stand.relay.toUser(ann, { data: '{"n":1}', critical: false })
    t.same(await client.next(), { n: 1 })
    client.ws.terminate()
  }
  t.equal(stand.log.count('websocket.replay_failed'), 1, 'logged once, not for every socket')
})

t.test('a store that does not answer is not waited for, and not asked by more than a few', async (t) => {
  const gate = new Gate()
  let asked = 0
  const since = async () => {
    asked += 1
    await gate.opened
    return []
  }
  const replays = { timeoutMs: 50, atOnce: 2, patienceMs: 200 }
  const stand = await openStand(t, { missed: { ...NOTHING_MISSED, since }, hub: { replays } })
  const clients = Array.from({ length: 4 }, () => dial(t, stand, 'acme/ann', { since: SEEN }))
  for (const client of clients.slice(0, 2)) {
    t.match((await untilResumed(client)).at(-1), { count: 0, complete: false })
  }
  t.equal(asked, 2)
  await delay(200)
  gate.open()
  for (const client of clients.slice(2)) {
    t.match((await untilResumed(client)).at(-1), { count: 0, complete: false }, 'waited for too long')
  }
  t.equal(asked, 2)
})

t.test('many who come back at once are served a few at a time', async (t) => {
  let [running, most] = [0, 0]
  const since = async () => {
    running += 1
    most = Math.max(most, running)
    await delay(5)
    running -= 1
    return []
  }
  const stand = await openStand(t, { missed: { ...NOTHING_MISSED, since } })
  const clients = Array.from({ length: 100 }, (_, n) => dial(t, stand, `acme/u${n}`, { since: SEEN }))
  for (const client of clients) {
    t.match((await untilResumed(client)).at(-1), { complete: true })
  }
  t.ok(most <= 4 && most > 1, `${most} at once`)
})

t.test('a client that reads slowly is not dropped by what it has missed', async (t) => {
  const content = 'x'.repeat(100_000)
  const stand = await openStand(t, {
    missed: new Rows(150, { content }),
    hub: { outboxMessages: 2, outboxBytes: 150_000 },
  })
  const client = dial(t, stand, 'acme/ann', { since: SEEN })
  await client.next()
  client.ws.pause()
  await untilResumed(dial(t, stand, 'acme/bob', { since: SEEN }))
  client.ws.resume()
  const frames = await untilResumed(client)
  t.equal(shown(frames).length, 150)
  t.match(frames.at(-1), { count: 150, complete: true })
  t.equal(stand.log.count('websocket.slow_consumer_dropped'), 0)
})

t.test('one that does not read at all is sent to the inbox, and holds nobody up', async (t) => {
  const content = 'x'.repeat(100_000)
  const replays = { timeoutMs: 100, atOnce: 1 }
  const stand = await openStand(t, { missed: new Rows(200, { content }), hub: { replays } })
  const stalled = dial(t, stand, 'acme/ann', { since: SEEN })
  await stalled.next()
  stalled.ws.pause()
  const other = dial(t, stand, 'acme/bob', { since: SEEN })
  await untilResumed(other)
  stalled.ws.resume()
  t.match((await untilResumed(stalled)).at(-1), { complete: false })
  t.equal(stand.log.count('websocket.slow_consumer_dropped'), 0)
})

t.test('what happens meanwhile comes as always, and one who leaves is forgotten', async (t) => {
  const gate = new Gate()
  const missed = new Rows(3)
  const stand = await openStand(t, {
    missed: {
      since: (user, since, max) => missed.since(user, since, max),
      read: async (user, ids) => {
        await gate.opened
        return missed.read(user, ids)
      },
      unreadCount: async () => 0,
    },
  })
  const gone = dial(t, stand, 'acme/bob', { since: SEEN })
  await gone.next()
  gone.ws.terminate()
  const client = await connect(t, stand, 'acme/ann', { since: SEEN })
  await stand.relay.toUser(ann, { data: '{"live":true}', critical: false })
  t.same(await client.next(), { live: true })
  gate.open()
  t.equal(shown(await untilResumed(client)).length, 3)
})

t.test('after the relay was away everybody is sent what came meanwhile', async (t) => {
  const missed = new Rows(2)
  const relay = new MemoryRelay()
  const stand = await openStand(t, { relay, missed })
  const client = await connect(t, stand, 'acme/ann')
  stand.hub.interrupted(10_000)
  const frames = await untilResumed(client)
  t.same(shown(frames), ['n0', 'n1'])
  t.match(frames.at(-1), { count: 2, complete: true })
  const [since] = missed.asked
  t.ok(since !== undefined && 'at' in since && Math.abs(Date.now() - 10_000 - since.at) < 5_000)
})

t.test('nothing is said to who has missed nothing', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  stand.hub.interrupted(10_000)
  await turn()
  await turn()
  await stand.relay.toUser(ann, { data: '{"n":1}', critical: false })
  const frames = [await client.next(), await client.next()]
  t.same(
    frames.filter(({ type }) => type === 'resumed'),
    [],
  )
})
