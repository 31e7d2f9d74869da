import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { FILE_TIMEOUT_MS } from '../support/chaos.js'
import type { Client } from '../support/client.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { startSmtp } from '../support/smtp.js'
import { hasty } from '../support/stack.js'
import { startTimeTravel } from '../support/time-travel.js'

t.setTimeout(FILE_TIMEOUT_MS)

const LIMIT = 3
const AT_ONCE = 40

const time = await startTimeTravel(t, Date.parse('2031-06-11T06:05:00Z'))
const smtp = await startSmtp(t)
const start = (): Promise<Daemon> =>
  startDaemon(t, {
    config: {
      ...hasty({ slots: 10 }),
      rate_limit: { enabled: true, per_channel_per_hour: { email: LIMIT } },
    },
    env: { ...time.stack.env, SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}` },
  })
const [one, two] = await Promise.all([start(), start()])
const clients = await Promise.all([one.sender(), two.sender()])
const [service] = clients

const mailTo = (user_id: string) => ({
  user_id,
  channel: 'email',
  metadata: { email: `${MARK}-${user_id}@example.org` },
})

async function statusOf(client: Client, user: string): Promise<string> {
  const { body } = await client.send(mailTo(user))
  return body.status === 'suppressed' ? `suppressed: ${body.reason}` : body.status
}

/** What is answered to mails to a user that are sent at once, by both instances: how many of each. */
async function manyAtOnce(user: string): Promise<Readonly<Record<string, number>>> {
  const statuses = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, n) => statusOf(clients[n % 2] ?? service, user)),
  )
  return Object.fromEntries(
    [...new Set(statuses)].map((status) => [status, statuses.filter((each) => each === status).length]),
  )
}

/** How many mails a user got, once all that were accepted are sent. */
async function received(user: string): Promise<number> {
  for (const { id } of await service.all(user, 'email')) await service.final(id)
  return smtp.mails.filter(({ to }) => to.includes(`${MARK}-${user}@example.org`)).length
}

/** Until the end of the hour only what is critical comes through. */
async function holds(t: Test, user: string, sent: number): Promise<void> {
  for (const client of clients) t.equal(await statusOf(client, user), 'suppressed: rate_limited')
  t.equal(await received(user), sent)
}

const EXACTLY_THE_LIMIT = { pending: LIMIT, 'suppressed: rate_limited': AT_ONCE - LIMIT }

t.test('what both instances are asked for at once does not exceed it', async (t) => {
  t.same(await manyAtOnce('ada'), EXACTLY_THE_LIMIT)
  await holds(t, 'ada', LIMIT)
  t.equal(await statusOf(service, 'bob'), 'pending', 'it is of each user')
  const { body } = await service.send({ user_id: 'ada' })
  t.equal(body.status, 'sent', 'and of the channel')
})

t.test('critical passes and counts nothing', async (t) => {
  for (let n = 0; n < LIMIT + 1; n += 1) {
    const critical = await service.accepted({ ...mailTo('eve'), priority: 'critical' })
    t.match(await service.final(critical), { status: 'sent' })
  }
  t.same(await manyAtOnce('eve'), EXACTLY_THE_LIMIT)
  t.match(await service.send({ ...mailTo('eve'), priority: 'critical' }), { body: { status: 'pending' } })
  await holds(t, 'eve', 2 * LIMIT + 2)
})

t.test('a request that is repeated counts once', async (t) => {
  const key = { 'idempotency-key': 'the-same' }
  for (let n = 0; n < LIMIT + 1; n += 1)
    t.match(await service.send(mailTo('ida'), key), { body: { status: /pending|sending|sent/ } })
  for (let n = 1; n < LIMIT; n += 1) t.equal(await statusOf(service, 'ida'), 'pending')
  await holds(t, 'ida', LIMIT)
})

t.test('losing all of Redis does not lift it', async (t) => {
  const redis = new Redis(time.stack.redis.url)
  await redis.flushall()
  await redis.quit()
  await holds(t, 'ada', LIMIT)
})

t.test('nor does the end of an instance', async (t) => {
  await one.kill9()
  await one.restart()
  await holds(t, 'ada', LIMIT)
})

t.test('it holds while Redis is away', async (t) => {
  await time.stack.redis.kill()
  t.same(await manyAtOnce('kim'), EXACTLY_THE_LIMIT)
  for (const client of clients) t.equal(await statusOf(client, 'ada'), 'suppressed: rate_limited')
  await time.stack.redis.restart()
  await holds(t, 'kim', LIMIT)
})

t.test('the next hour begins anew', async (t) => {
  await time.to(Date.parse('2031-06-11T06:59:50Z'))
  await holds(t, 'ada', LIMIT)
  await time.to(Date.parse('2031-06-11T07:00:00Z'))
  t.same(await manyAtOnce('ada'), EXACTLY_THE_LIMIT)
  await holds(t, 'ada', 2 * LIMIT)
})

t.test('the log', async (t) => checkLog(t, one, two))
