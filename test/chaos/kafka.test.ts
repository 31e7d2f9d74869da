import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { addressOf } from '../../src/state/postgres/connection.js'
import { FILE_TIMEOUT_MS, OUTAGE_MS } from '../support/chaos.js'
import { type Daemon, startDaemon, TENANT } from '../support/daemon.js'
import { KafkaBench } from '../support/kafka.js'
import { startKafka } from '../support/kafka-broker.js'
import { checkLog, MARK } from '../support/marks.js'
import { hasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const BATCH = 40
const EVERY_MS = 40

const broker = await startKafka()
t.teardown(() => broker.stop())
const { postgres, env } = await startStack(t)
const bench = await KafkaBench.open(t, broker)
const topic = await bench.topic(6)
const groupId = bench.name('group')

const config = {
  ...hasty({ slots: 5 }),
  kafka: {
    brokers: [broker.address],
    group_id: groupId,
    topics: [topic],
    session_timeout: broker.kind === 'apache' ? '3s' : '6s',
  },
  events: {
    routes: [
      {
        event: 'order.paid',
        topics: [topic],
        notifications: ['one', 'two'].map((name) => ({
          name,
          tenant_id: TENANT,
          user_id: '=data.user_id',
          channel: 'in_app',
          title: 'Paid',
          content: `Thank you, ${MARK}.`,
          metadata: { event_id: '=event.id', which: name },
        })),
      },
    ],
  },
}
const daemons = await Promise.all([startDaemon(t, { env, config }), startDaemon(t, { env, config })])
const [first, second] = daemons

/** Says what happens, without a pause: good events, bad ones among them, and some of both twice. */
class Orders {
  readonly good = new Set<string>()
  readonly bad = new Set<string>()
  #on = true
  #count = 0
  readonly #running = this.#run()

  get count(): number {
    return this.#count
  }

  async more(events: number): Promise<void> {
    const goal = this.#count + events
    await eventually(async () => this.#count >= goal, `${events} more events`, 60_000)
  }

  async stop(): Promise<void> {
    this.#on = false
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#on) {
      const events = Array.from({ length: BATCH }, () => this.#next())
      await bench.send(topic, [...events, ...events.slice(0, 3)])
      this.#count += BATCH
      await delay(EVERY_MS)
    }
  }

  #next() {
    const number = this.good.size + this.bad.size
    const id = `event-${number}`
    const isBad = number % 97 === 7
    const ids = isBad ? this.bad : this.good
    ids.add(id)
    const data = { name: MARK, ...(isBad ? {} : { user_id: `user-${number % 50}` }) }
    return {
      key: `${number}`,
      value: JSON.stringify(data),
      headers: {
        ce_specversion: '1.0',
        ce_id: id,
        ce_source: '/orders',
        ce_type: 'order.paid',
        'content-type': 'application/json',
      },
    }
  }
}

/** What is in the database, seen by nobody's eyes but our own. */
async function audited() {
  const client = new pg.Client(addressOf(postgres.connection))
  await client.connect()
  try {
    const rows = await client.query<{ id: string; count: string }>(
      `SELECT metadata->>'event_id' AS id, count(*) FROM notifications GROUP BY 1`,
    )
    const dead = await client.query<{ id: string }>('SELECT DISTINCT event_id AS id FROM dead_letters')
    return {
      counts: new Map(rows.rows.map(({ id, count }) => [id, Number(count)])),
      dead: new Set(dead.rows.map(({ id }) => id)),
    }
  } finally {
    await client.end()
  }
}

const ready = async ({ url }: Daemon): Promise<unknown> => (await fetch(`${url}/ready`)).json()

const loggedSince = (daemon: Daemon, from: number, event: string): Promise<unknown> =>
  eventually(async () => daemon.lines.slice(from).some((line) => line.event === event), event, 90_000)

await Promise.all(daemons.map((daemon) => daemon.logged('kafka.connected')))
const orders = new Orders()
await orders.more(200)

t.test('the broker is killed until the consumers give up, and is started again', async (t) => {
  if (broker.kind === 'librdkafka') {
    t.comment("librdkafka's broker keeps nothing that could be there after a restart")
    return
  }
  const from = daemons.map(({ lines }) => lines.length)
  await broker.kill()
  await Promise.all(
    daemons.map((daemon, index) => loggedSince(daemon, from[index] ?? 0, 'kafka.consumer_crashed')),
  )
  t.match(await ready(first), { status: 'degraded', checks: { kafka: 'down', postgres: 'up' } })
  await postgres.stop()
  await delay(OUTAGE_MS)
  await broker.restart()
  await postgres.restart()
  await Promise.all(daemons.map((daemon, index) => loggedSince(daemon, from[index] ?? 0, 'kafka.connected')))
  await orders.more(200)
})

t.test('PostgreSQL is away while events come', async () => {
  const from = daemons.map(({ lines }) => lines.length)
  await postgres.kill()
  await Promise.race(
    daemons.map((daemon, index) => loggedSince(daemon, from[index] ?? 0, 'kafka.partition_paused')),
  )
  await delay(OUTAGE_MS)
  await postgres.restart()
  await orders.more(200)
})

t.test('an instance is killed with events in its hands', async () => {
  await second.kill9()
  await orders.more(200)
  await second.restart()
  await orders.more(200)
})

t.test('each event has become what it should, once', async (t) => {
  await orders.stop()
  await bench.caughtUp(groupId, topic, 60_000)
  const { counts, dead } = await audited()
  t.strictSame(
    [...orders.good].filter((id) => counts.get(id) !== 2),
    [],
    'two notifications each',
  )
  t.equal(counts.size, orders.good.size, 'and none that nobody asked for')
  t.strictSame([...dead].sort(), [...orders.bad].sort(), 'the bad ones were put aside')
  for (const daemon of daemons) {
    t.match(await ready(daemon), { status: 'ready', checks: { kafka: 'up' } })
  }
})

t.test('the log', async (t) => checkLog(t, first, second))
