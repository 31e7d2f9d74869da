import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { answerSlowly, FILE_TIMEOUT_MS, KILLS, READERS } from '../support/chaos.js'
import type { Daemon } from '../support/daemon.js'
import { everything, hourlyReaders, ITEMS, ItemLoad, itemsReceived, sendItems } from '../support/digests.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { startHasty } from '../support/stack.js'
import { startTimeTravel } from '../support/time-travel.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SLOTS = 20
const HOUR_MS = 3_600_000
const SHORTLY_BEFORE_MS = 5_000
const LEASE_MS = 16_000
/** How far off a measured clock may be. */
const CLOCK_ERROR_MS = 50

/** The hours of India are full when those of UTC are half. */
let boundary = Date.parse('2031-06-11T06:30:00Z')
const time = await startTimeTravel(t, boundary - HOUR_MS / 2)
const one = await startHasty(t, time.stack, { slots: SLOTS, timeout: 5 })
const service = await one.sender()
const users = await hourlyReaders(service, READERS, 'Asia/Kolkata')

/** What came of an experiment, once nothing more happens. */
async function outcome(t: Test, receiver: WebhookReceiver) {
  const ours = (await everything(service, users)).filter(
    ({ metadata }) => metadata.webhook_url === receiver.url,
  )
  const ends = new Set(ours.map(({ status, reason }) => `${status} ${reason}`))
  t.same(ends, new Set(['sent null']), 'every one is sent')
  const told = ours.filter(({ digest_id }) => digest_id !== null && receiver.times(digest_id) > 0)
  const digests = ours.filter(({ digest }) => digest !== null)
  t.equal(told.length + digests.length, ours.length, 'and received, in the digest that it names')
  return { digests, items: itemsReceived(receiver) }
}

/** Each item once, and one digest for each user. */
async function audit(t: Test, receiver: WebhookReceiver): Promise<void> {
  const due = boundary
  boundary += HOUR_MS
  const { digests, items } = await outcome(t, receiver)
  const wrong = users.filter((user) => ITEMS.some((item) => items.get(`${user} ${item}`)?.digests !== 1))
  t.same(wrong.slice(0, 10), [], 'every item came in exactly one digest')
  t.same(digests.map(({ user_id }) => user_id).sort(), users.toSorted(), 'one for each user')
  t.equal(receiver.counts.size, users.length)
  const early = receiver.requests.filter(({ at }) => time.at(at) < due)
  t.equal(early.length, 0, 'none early')
}

async function hold(t: Test, ...through: readonly Daemon[]): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.start(t, answerSlowly)
  const clients = await Promise.all(through.map((daemon) => daemon.sender()))
  await sendItems(clients, users, receiver)
  return receiver
}

/** When to kill: each is another moment in the life of a digest. */
const MOMENTS: readonly {
  readonly when: string
  readonly come: (receiver: WebhookReceiver) => Promise<unknown>
}[] = [
  { when: 'at the boundary', come: () => delay(boundary - time.now() + Math.random() * 50) },
  { when: 'once the first is collected', come: () => one.logged('digest.collected') },
  {
    when: 'once a few are sent',
    come: (receiver) => receiver.until(() => receiver.requests.length > SLOTS, 'a few'),
  },
]

for (let kill = 0; kill < KILLS; kill += 1) {
  const moment = MOMENTS[kill % MOMENTS.length]
  t.test(`killed while they are held, and ${moment?.when}`, async (t) => {
    const receiver = await hold(t, one)
    await one.kill9()
    await time.to(boundary - SHORTLY_BEFORE_MS, one)
    await moment?.come(receiver)
    await one.kill9()
    t.comment(`${receiver.counts.size} had come`)
    // What was in flight is free when its lease has ended.
    await time.to(time.now() + LEASE_MS, one)
    await audit(t, receiver)
    t.ok(receiver.duplicates <= SLOTS, `${receiver.duplicates} twice, of at most ${SLOTS}`)
  })
}

t.test('killed at the boundary, while more and more comes in', async (t) => {
  const receiver = await WebhookReceiver.start(t, answerSlowly)
  await time.to(boundary - 2 * SHORTLY_BEFORE_MS, one)
  const load = new ItemLoad(service, users, receiver, 8)
  await load.more(users.length)
  await MOMENTS[0]?.come(receiver)
  await one.kill9()
  await time.to(time.now() + LEASE_MS, one)
  await load.more(users.length)
  await load.stop()
  await receiver.until(() => receiver.counts.size >= users.length, 'the digests of this hour', 60_000)
  const due = boundary
  const next = boundary + HOUR_MS
  boundary += 2 * HOUR_MS
  await time.to(next - SHORTLY_BEFORE_MS, one)
  const { items } = await outcome(t, receiver)
  const missing = [...load.accepted.keys()].filter((item) => !items.has(item))
  t.same(missing.slice(0, 10), [], 'all that was accepted has come')
  const again = [...items].filter(([, { digests }]) => digests > 1)
  t.same(again.slice(0, 10), [], 'none in two digests')
  const early = [...items].filter(([item, { at }]) => {
    const began = time.at(load.accepted.get(item) ?? 0)
    return time.at(at) < (began > due + CLOCK_ERROR_MS ? next : due)
  })
  t.same(early.slice(0, 10), [], 'none before the hour that follows it')
  t.ok(receiver.duplicates <= SLOTS, `${receiver.duplicates} twice, of at most ${SLOTS}`)
  t.ok(receiver.counts.size > users.length, 'some in those of the next hour')
  t.comment(`${load.accepted.size} accepted, in ${receiver.counts.size} digests of ${users.length} users`)
})

t.test('two instances', async (t) => {
  const two = await startHasty(t, time.stack, { slots: SLOTS, timeout: 5 })

  await t.test('collect together: one digest for each user', async (t) => {
    const receiver = await hold(t, one, two)
    await time.to(boundary - SHORTLY_BEFORE_MS, one, two)
    await audit(t, receiver)
    t.equal(receiver.duplicates, 0, 'none twice')
  })

  await t.test('all of Redis is lost while they are held', async (t) => {
    const receiver = await hold(t, one, two)
    await time.to(boundary - 2 * SHORTLY_BEFORE_MS, one, two)
    const redis = new Redis(time.stack.redis.url)
    await redis.flushall()
    await redis.quit()
    await Promise.race([one.logged('sweeper.rebuilt'), two.logged('sweeper.rebuilt')])
    await audit(t, receiver)
    t.equal(receiver.duplicates, 0, 'none twice')
  })
  checkLog(t, one, two)
})
