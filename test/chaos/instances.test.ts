import pg from 'pg'
import t from 'tap'
import type { RunAnswer, ScheduleAnswer } from '../../src/api/schemas/schedules.js'
import type { TemplateAnswer } from '../../src/api/schemas/templates.js'
import { addressOf } from '../../src/state/postgres/connection.js'
import { answerSlowly, FILE_TIMEOUT_MS, KILLS } from '../support/chaos.js'
import type { Client } from '../support/client.js'
import type { Daemon } from '../support/daemon.js'
import { everything, hourlyReaders, ITEMS, itemsReceived, sendItems } from '../support/digests.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog, MARK } from '../support/marks.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SLOTS = 10
const INSTANCES = [0, 1, 2]
/** Of each instance, in turn. */
const ROUNDS = Math.ceil(KILLS / INSTANCES.length)

const stack = await startStack(t)
const env = { ...stack.env, TEMPLATES_AUTO_APPROVE: 'true' }
const daemons = await Promise.all(INSTANCES.map(() => startHasty(t, { ...stack, env }, { slots: SLOTS })))
const clients = await Promise.all(daemons.map((daemon) => daemon.sender()))
const [service] = clients
if (service === undefined) throw new Error('there is no instance')
const sql = new pg.Client(addressOf(stack.postgres.connection))
await sql.connect()
t.teardown(() => sql.end())

async function count(condition: string, ...values: readonly unknown[]): Promise<number> {
  const { rows } = await sql.query(`SELECT count(*)::int AS n FROM notifications WHERE ${condition}`, [
    ...values,
  ])
  return Number(rows[0]?.n)
}

/** The client of an instance, counted round and round. */
function through(n: number): Client {
  const client = clients[n % clients.length]
  if (client === undefined) throw new Error('there is no instance')
  return client
}

const connect = async (daemon: Daemon, user: string): Promise<Device> =>
  Device.connect(t, daemon.url, await daemon.token(user, ['user']))

t.test('sockets get what is theirs once, whoever takes it', async (t) => {
  const everywhere = await Promise.all(daemons.map((daemon) => connect(daemon, 'everywhere')))
  const single = await Promise.all(daemons.map((daemon, n) => connect(daemon, `single-${n}`)))
  const users = ['everywhere', ...single.map((_, n) => `single-${n}`)]
  const sent = new Map<string, string[]>(users.map((user) => [user, []]))
  for (let n = 0; n < 12; n += 1) {
    for (const user_id of users)
      sent.get(user_id)?.push(await through(n).accepted({ channel: 'websocket', user_id }))
  }
  const ends = await Promise.all([...sent.values()].flat().map((id) => service.final(id)))
  t.same(new Set(ends.map(({ status }) => status)), new Set(['sent']))
  const audit = async (device: Device, user: string): Promise<void> => {
    const ids = sent.get(user) ?? []
    const shown = () => device.frames.filter(({ type }) => type === 'notification').map(({ id }) => id)
    await eventually(async () => shown().length >= ids.length, `what ${user} was sent`)
    t.same(shown().toSorted(), ids.toSorted(), `${user} has all of it once, and nothing else`)
  }
  for (const device of everywhere) await audit(device, 'everywhere')
  for (const [n, device] of single.entries()) await audit(device, `single-${n}`)
})

t.test('each is killed in the middle of it: what was accepted arrives, and is recorded once', async (t) => {
  const receiver = await WebhookReceiver.start(t, answerSlowly)
  const hooks = clients.map((client) => new Load(client, receiver.target, 1))
  const inbox = clients.map((client) => new Load(client, { channel: 'in_app', user_id: 'ida' }, 1))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const daemon of daemons) {
      const before = receiver.counts.size
      await Promise.all(hooks.map((load) => load.more(20)))
      await receiver.until(() => receiver.counts.size >= before + 30, '30 more')
      await daemon.kill9()
      await Promise.all(inbox.map((load) => load.stop()))
      await daemon.restart()
    }
  }
  await Promise.all(hooks.map((load) => load.stop()))

  const accepted = new Set(hooks.flatMap((load) => [...load.accepted]))
  t.same(await outcomes(service, 'ada', accepted), { sent: accepted.size }, 'every one is sent')
  t.same(
    [...accepted].filter((id) => receiver.times(id) === 0),
    [],
    'and was received',
  )
  const most = ROUNDS * INSTANCES.length * SLOTS
  t.ok(receiver.duplicates <= most, `${receiver.duplicates} twice, of at most ${most}`)
  const open = `status IN ('pending', 'sending')`
  await eventually(async () => (await count(open)) === 0, 'what was committed and not answered to end, too')

  const read = inbox.flatMap((load) => [...load.accepted])
  t.equal(await count(`id = ANY($1) AND status = 'sent' AND channel = 'in_app'`, read), read.length)
  const [first = ''] = read
  await through(1).post(`/api/v1/notifications/${first}/read`)
  const unread = await count(`user_id = 'ida' AND channel = 'in_app' AND read_at IS NULL`)
  for (const client of clients) {
    const { body } = await client.get<{ unread_count: number }>('/api/v1/users/ida/unread_count')
    t.equal(body.unread_count, unread, 'each instance counts what the table does')
  }
})

t.test('fifty requests with one key, over all of them', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      through(n).send({ user_id: 'once' }, { 'idempotency-key': 'order-7' }),
    ),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  t.equal(answers.filter(({ headers }) => headers['idempotency-replayed'] !== 'true').length, 1)
  t.equal(await count(`user_id = 'once'`), 1)
})

t.test('a template that is changed over one is used by the others', async (t) => {
  const saying = (content: string) => ({ title: 'A title', content: `${MARK} ${content}` })
  const { body } = await service.post<TemplateAnswer>('/api/v1/templates', {
    tenant_id: service.caller.tenantId,
    name: 'A template',
    channel: 'in_app',
    ...saying('0'),
  })
  const shown = async (client: Client): Promise<string> => {
    const answer = await client.post<{ id: string }>('/api/v1/notifications/send', {
      tenant_id: client.caller.tenantId,
      user_id: 'ada',
      channel: 'in_app',
      template_id: body.id,
    })
    return (await client.detail(answer.body.id)).content
  }
  for (const client of clients) t.equal(await shown(client), `${MARK} 0`)
  for (let change = 1; change < 4; change += 1) {
    const { status } = await through(change).put(`/api/v1/templates/${body.id}`, saying(`${change}`))
    t.equal(status, 200)
    for (const client of clients) {
      const news = async () => (await shown(client)) === `${MARK} ${change}`
      t.ok(await eventually(news, 'the new text', 1_000))
    }
  }
})

t.test('a schedule that is due fires once', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const starts = Date.now() + 2_000
  const { body: schedule } = await service.post<ScheduleAnswer>('/api/v1/schedules', {
    tenant_id: service.caller.tenantId,
    name: 'once',
    every: '1m',
    starts_at: new Date(starts).toISOString(),
    ends_at: new Date(starts + 30_000).toISOString(),
    message: { ...receiver.target, user_id: 'ada', title: `${MARK} title`, content: `${MARK} content` },
  })
  const runs = await eventually(async () => {
    const { body } = await service.get<{ runs: RunAnswer[] }>(`/api/v1/schedules/${schedule.id}/runs`)
    return body.runs.some(({ status }) => status === 'done') && body.runs
  }, 'its run to be recorded')
  t.match(runs, [{ status: 'done', attempts: 1, accepted: 1 }])
  t.equal(runs.length, 1)
  await receiver.until(() => receiver.requests.length > 0, 'it')
  t.equal(receiver.requests.length, 1)
})

t.test('a digest that is due everywhere at once is sent once', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  // A zone whose next full hour is not near: these fall due when the test says so.
  const minute = new Date().getUTCMinutes()
  const zone = minute < 15 || minute >= 45 ? 'Asia/Kolkata' : 'UTC'
  const users = await hourlyReaders(service, 60, zone)
  await sendItems(clients, users, receiver)
  await sql.query(
    `UPDATE notifications SET due_at = now() - interval '5 s' WHERE reason = 'digest' AND status = 'pending'`,
  )
  await receiver.until(() => receiver.counts.size >= users.length, 'a digest for each')
  const digests = (await everything(service, users)).filter(({ digest }) => digest !== null)
  t.same(digests.map(({ user_id }) => user_id).sort(), users.toSorted(), 'one for each user')
  const items = itemsReceived(receiver)
  const wrong = users.filter((user) => ITEMS.some((item) => items.get(`${user} ${item}`)?.digests !== 1))
  t.same(wrong, [], 'every item came in one of them')
  t.equal(receiver.requests.length, users.length, 'and nothing came twice')
})

t.test('the log', async (t) => checkLog(t, ...daemons))
