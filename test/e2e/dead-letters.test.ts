import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { KafkaRecord } from '../../src/model/dead-event.js'
import { deadLetterId } from '../../src/model/id.js'
import { PostgresDeadLetters } from '../../src/state/postgres/dead-letters.js'
import { Store } from '../../src/state/postgres/store.js'
import { startDaemon, TENANT } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { testDatabase } from '../support/postgres.js'
import { WebhookReceiver } from '../support/receivers.js'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

const { connection, pool } = await testDatabase(t)
if (connection.kind !== 'params') throw new Error('the test server is reached by its parameters')
const { host, port, database, user } = connection
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    channels: { webhook: { tries: 1, retry: { delays: [], jitter: 0 } } },
    events: {
      routes: [
        {
          event: 'order.paid',
          notifications: [
            {
              tenant_id: TENANT,
              user_id: '=data.user_id',
              channel: 'in_app',
              title: 'Paid',
              content: '=data.text',
            },
          ],
        },
      ],
    },
  },
  env: {
    WEBHOOK_ALLOW_PRIVATE: 'true',
    DB_HOST: host,
    DB_PORT: `${port}`,
    DB_NAME: database,
    DB_USER: user ?? '',
  },
})
const service = await daemon.sender()
const store = new Store(pool)
const deadLetters = new PostgresDeadLetters(store, { reading: store, newId: () => deadLetterId(Date.now()) })

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command as an operator does, beside the daemon. */
async function command(...args: string[]): Promise<Ran> {
  const env = { PATH: process.env.PATH, AUTH_JWT_SECRET: await daemon.secret(), DATA_DIR: daemon.dataDir }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, 'dead-letters', ...args, '--tenant', TENANT, '--url', daemon.url],
      { env },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** Puts an event among the dead; gives its id. */
async function dead(data: object, record: Partial<KafkaRecord> = {}): Promise<string> {
  const value = Buffer.from(JSON.stringify({ event_type: 'order.paid', ...data }))
  const headers = [['event_type', Buffer.from('order.paid')]] as const
  const whole = { topic: 'orders', partition: 0, offset: '7', key: null, value, headers, ...record }
  const about = { eventId: null, eventType: 'order.paid', traceparent: null }
  const detail = `no \u001b[31mcolours\u009b31m`
  await deadLetters.add([{ ...about, tenantId: TENANT, reason: 'validation_failed', detail, record: whole }])
  return (await pool.query('SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1')).rows[0].id
}

const receiver = await WebhookReceiver.start(t, () => 503)

t.test('what has failed is listed, shown, and redriven one by one or all at once', async (t) => {
  const ids = await Promise.all(Array.from({ length: 4 }, () => service.accepted(receiver.target)))
  for (const id of ids) t.match(await service.final(id), { status: 'failed' })
  const [first = '', expired = '', ...others] = ids
  const [listed, shown] = await Promise.all([command('list', '--channel', 'webhook'), command('show', first)])
  t.match([listed.code, shown.code], [0, 0])
  for (const id of ids)
    t.match(listed.stdout, new RegExp(`^\\S+Z  ${id}  failed  unavailable  webhook  ada  .*503`, 'm'))
  t.match(JSON.parse(shown.stdout), {
    id: first,
    notification: { attempts: [{ attempt: 1, result: 'failed' }] },
  })

  receiver.behaviour = () => 200
  t.match(await command('redrive', first), { code: 0, stdout: `${first}: pending\n` })
  t.match(await service.final(first), { status: 'sent' })
  t.equal(receiver.times(first), 2)
  await pool.query('UPDATE notifications SET expires_at = now() WHERE id = $1', [expired])
  const [again, all] = await Promise.all([
    command('redrive', first),
    command('redrive', '--reason', 'unavailable'),
  ])
  t.match(again, { code: 1, stdout: '', stderr: 'conflict: the notification is sent\n' })
  t.match(all, {
    code: 1,
    stdout: '2 redriven, 1 refused (conflict: 1)\n',
    stderr: '2 redriven, 1 refused, 0 remaining\n',
  })
  for (const id of others) t.match(await service.final(id), { status: 'sent' })
})

t.test('an event goes through the routes again, or is deleted', async (t) => {
  const data = { user_id: 'bob', text: `${MARK} order 7` }
  const good = await dead({ event_id: 'e1', data, ...data })
  const bad = await dead({ event_id: 'e2', data: {} }, { offset: '8' })
  const listed = await command('list', '--kind', 'event')
  const line = `${good}  dead  validation_failed  orders/0@7  order.paid  no \\u001b[31mcolours\\u009b31m`
  t.ok(listed.stdout.includes(line), listed.stdout)
  const [redriven, refused] = await Promise.all([command('redrive', good), command('redrive', bad)])
  t.match(redriven, { code: 0, stdout: `${good}: 1 notifications accepted\n` })
  t.match(await service.all('bob', 'in_app'), [{ title: 'Paid', content: `${MARK} order 7` }])
  t.match(refused, {
    code: 1,
    stderr: /^conflict: the event still cannot become notifications: validation_failed/,
  })
  t.match(await command('delete', bad), { code: 0, stdout: `${bad}: deleted\n` })
})

t.test('a job can be followed, and a stop does not wait for whoever does', async (t) => {
  const { body } = await service.post<{ job_id: string }>('/api/v1/notifications/batch', {
    ...service.message({ scheduled_at: new Date(Date.now() + 3_600_000).toISOString() }),
    user_ids: ['one', 'two'],
  })
  const headers = { authorization: `Bearer ${service.caller.token}` }
  const stream = await fetch(`${daemon.url}/api/v1/jobs/${body.job_id}/events`, { headers })
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
  t.match((await reader?.read())?.value, /event: progress\ndata: .*"total_users":2/)
  const before = performance.now()
  t.same(await daemon.term(), { code: 0, signal: null })
  t.ok(performance.now() - before < 10_000)
  t.equal((await reader?.read())?.done, true, 'it ends in order')
  checkLog(t, daemon)
})
