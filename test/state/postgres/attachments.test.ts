import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import t from 'tap'
import type { Attachment } from '../../../src/model/attachment.js'
import { SWEEP } from '../../../src/state/postgres/attachment-sweep.js'
import { PostgresAttachments } from '../../../src/state/postgres/attachments.js'
import { PostgresBounces } from '../../../src/state/postgres/bounces.js'
import { PostgresPersonalData } from '../../../src/state/postgres/personal-data.js'
import { Retention } from '../../../src/state/postgres/retention.js'
import type { Statement } from '../../../src/state/postgres/store.js'
import { testLedger } from '../../support/ledger.js'
import { recordedTelemetry } from '../../support/telemetry.js'

const DAY_MS = 86_400_000
const RETENTION = { keepMs: 90 * DAY_MS, keyTtlMs: DAY_MS, intervalMs: DAY_MS }
const { store, insert, row, pool, ledger } = await testLedger(t)
let now = Date.now()
const clock = { now: () => now }
const attachments = new PostgresAttachments(store, clock, 2)

const file = (id: string, content = randomBytes(3_000)) => ({ id, content })
const attached = (id: string): Attachment => ({
  id,
  filename: 'a.pdf',
  contentType: 'application/pdf',
  contentId: null,
  size: 3_000,
})

async function keptUntil(tenantId: string, id: string): Promise<number | null> {
  const sql = 'SELECT keep_until FROM attachments WHERE tenant_id = $1 AND id = $2'
  return (await pool.query(sql, [tenantId, id])).rows[0]?.keep_until ?? null
}

const sweep = (log = recordedTelemetry().log): Promise<void> =>
  new Retention(store, clock, RETENTION, log).run()

async function left(tenantId: string): Promise<readonly string[]> {
  const sql = 'SELECT id FROM attachments WHERE tenant_id = $1 ORDER BY id'
  return (await pool.query(sql, [tenantId])).rows.map(({ id }) => id)
}

t.test('a content is kept once a tenant, and read by whoever knows its id there', async (t) => {
  const [one, two] = [file('att_1'), file('att_2', Buffer.from([0, 255, 39, 92, 10]))]
  await attachments.keep('acme', [one, two, one])
  await attachments.keep('acme', [one])
  await attachments.keep('globex', [two])
  const read = await attachments.read('acme', ['att_1', 'att_2', 'att_3'])
  t.same([...read.keys()].sort(), ['att_1', 'att_2'])
  t.ok(read.get('att_1')?.equals(one.content))
  t.ok(read.get('att_2')?.equals(two.content))
  t.same([...(await attachments.read('globex', ['att_1', 'att_2'])).keys()], ['att_2'])
  t.equal((await attachments.read('initech', ['att_1'])).size, 0)
})

t.test('nothing is asked for nothing', async () => {
  await attachments.keep('acme', [])
})

t.test('only what is not there is sent to the database, each content as bytes', async (t) => {
  const sent: { readonly name: string; readonly values: readonly unknown[] }[] = []
  const watched = {
    run: <Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []) => {
      sent.push({ name: statement.name, values })
      return store.run<Row>(statement, values)
    },
  }
  const writer = new PostgresAttachments(watched, clock, 2)
  const [one, two] = [file('att_1'), file('att_2')]
  await writer.keep('sparing', [one])
  t.same(
    sent.map(({ name }) => name),
    ['attachments_kept', 'attachments_keep'],
  )
  t.ok(sent[1]?.values.includes(one.content), 'not in an array')
  sent.length = 0
  await writer.keep('sparing', [two, one])
  t.same(
    sent.map(({ name }) => name),
    ['attachments_kept', 'attachments_keep'],
  )
  sent.length = 0
  const versions = "SELECT xmin, ctid FROM attachments WHERE tenant_id = 'sparing' ORDER BY id"
  const { rows } = await pool.query(versions)
  await writer.keep('sparing', [one, two])
  t.same(
    sent.map(({ name }) => name),
    ['attachments_kept'],
  )
  t.same((await pool.query(versions)).rows, rows, 'nothing is written')
  now += 0.6 * DAY_MS
  await writer.keep('sparing', [one])
  t.same(
    sent.map(({ name }) => name),
    ['attachments_kept', 'attachments_kept'],
  )
  t.equal(await keptUntil('sparing', 'att_1'), now + DAY_MS, 'what has little time left has more')
  t.equal(await keptUntil('sparing', 'att_2'), now + 0.4 * DAY_MS)
})

t.test('few contents are written at the same time, others need the connections too', async (t) => {
  let [writing, most, all] = [0, 0, 0]
  const watched = {
    run: async <Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []) => {
      const writes = statement.name === 'attachments_keep' ? 1 : 0
      writing += writes
      all += writes
      most = Math.max(most, writing)
      return store.run<Row>(statement, values).finally(() => {
        writing -= writes
      })
    },
  }
  const writer = new PostgresAttachments(watched, clock, 2)
  const ids = Array.from({ length: 12 }, (_, n) => `att_${String(n).padStart(2, '0')}`)
  await Promise.all([...ids, ...ids].map((id) => writer.keep('busy', [file(id)])))
  t.same([most, all], [2, 12], 'and the same content once')
  t.same(await left('busy'), ids)
})

t.test('requests with the same files do not wait for each other in a circle', async () => {
  const files = Array.from({ length: 10 }, (_, n) => file(`att_same_${n}`, Buffer.from([n])))
  const orders = [files, [...files].reverse()]
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => attachments.keep('acme', orders[n % 2] ?? [])))
    now += DAY_MS
  }
})

t.test('what no notification names is deleted after a day', async (t) => {
  const tenantId = 'swept'
  const many = Array.from({ length: 250 }, (_, n) => file(`att_${n}`, Buffer.from([n])))
  await attachments.keep(tenantId, [...many, file('att_named')])
  await attachments.keep('globex', [file('att_named')])
  const { id } = await insert({
    tenantId,
    channel: 'email',
    attachments: [attached('att_x'), attached('att_named')],
  })
  now += DAY_MS - 1
  await sweep()
  t.equal((await left(tenantId)).length, 251)
  now += 2
  const telemetry = recordedTelemetry()
  await sweep(telemetry.log)
  t.same(await left(tenantId), ['att_named'])
  t.notOk((await left('globex')).includes('att_named'), "another tenant's notification is none")
  const told = telemetry.lines.find(({ event }) => event === 'postgres.retention_done')
  t.ok(Number(told?.attachments) > 250)
  await pool.query('DELETE FROM notifications WHERE id = $1', [id])
  await sweep()
  t.same(await left(tenantId), ['att_named'], 'it was looked at a moment ago')
  now += DAY_MS + 1
  await sweep()
  t.same(await left(tenantId), [])
})

t.test('whether it is named is found by an index, among many notifications', async (t) => {
  await pool.query(`INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, title, content,
      metadata, status, due_at, admitted, created_at, updated_at, attachments)
    SELECT 'many_' || n, 'many', 'u', 'email', 1, 'x', '', '', '{}', 'sent', now(), true, now(), now(),
      jsonb_build_array(jsonb_build_object('id', 'att_logo'), jsonb_build_object('id', 'att_' || n))
    FROM generate_series(1, 20000) AS n`)
  await pool.query('ANALYZE notifications')
  await attachments.keep('many', [file('att_logo'), file('att_7'), file('att_none')])
  now += DAY_MS + 1
  const client = await pool.connect()
  const until = [now, now + DAY_MS]
  const { rows } = await client.query(`EXPLAIN (ANALYZE, COSTS OFF) ${SWEEP.text}`, until)
  client.release()
  const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n')
  t.match(plan, /Bitmap Index Scan on idx_notifications_attachments/)
  t.notMatch(plan, /on notifications_pkey|on idx_notifications_user|Seq Scan on notifications/)
  t.same(await left('many'), ['att_7', 'att_logo'])
})

t.test('erasing a person deletes the files that nobody else has', async (t) => {
  const tenantId = 'erasing'
  const data = new PostgresPersonalData(store, { forgetUser: () => undefined })
  const mail = (userId: string, ...ids: readonly string[]) =>
    insert(
      { tenantId, userId, channel: 'email', attachments: ids.map(attached) },
      { status: 'suppressed', reason: 'x' },
    )
  now = Date.now()
  await attachments.keep(
    tenantId,
    ['att_hers', 'att_logo', 'att_other', 'att_again'].map((id) => file(id)),
  )
  await attachments.keep('globex', [file('att_hers')])
  await mail('ada', 'att_hers', 'att_logo', 'att_again')
  await mail('ada', 'att_hers')
  await mail('bob', 'att_logo', 'att_other')
  await data.erase({ tenantId, userId: 'ada' })
  t.equal(await keptUntil('globex', 'att_hers'), now + DAY_MS)
  t.equal(await keptUntil(tenantId, 'att_other'), now + DAY_MS)
  await sweep()
  t.equal((await left(tenantId)).length, 4, 'a request that counts on them at this moment finds them')
  await mail('eve', 'att_again')
  now += 16 * 60_000
  await sweep()
  t.same(await left(tenantId), ['att_again', 'att_logo', 'att_other'])
})

t.test('a notification takes its files through the ledger', async (t) => {
  const one = attached('att_1')
  const inline = { ...attached('att_2'), contentId: 'logo' }
  const { id } = await insert({ channel: 'email', attachments: [one, inline] })
  const { claimed } = await ledger.claim([id], 60_000)
  t.same(claimed[0]?.notification.attachments, [one, inline])
})

t.test('mail that came back stays sent, with the reason', async (t) => {
  const bounces = new PostgresBounces(store)
  const sent = async (channel: 'email' | 'webhook', status: string): Promise<string> => {
    const { id } = await insert({ tenantId: 'acme', channel })
    await pool.query('UPDATE notifications SET status = $2 WHERE id = $1', [id, status])
    return id
  }
  const id = await sent('email', 'sent')
  t.equal(await bounces.mark('globex', id, 'bounced'), false, "not another tenant's")
  t.equal(await bounces.mark('acme', id, 'bounced'), true)
  t.match(await row(id), { status: 'sent', reason: 'bounced' })
  t.equal(await bounces.mark('acme', id, 'bounced'), true, 'again')
  for (const other of [await sent('email', 'failed'), await sent('webhook', 'sent'), 'notif_none']) {
    t.equal(await bounces.mark('acme', other, 'bounced'), false)
  }
})
