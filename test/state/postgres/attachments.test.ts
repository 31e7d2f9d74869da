import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Attachment } from '../../../src/model/attachment.js'
import { PostgresAttachments } from '../../../src/state/postgres/attachments.js'
import { PostgresBounces } from '../../../src/state/postgres/bounces.js'
import { Retention } from '../../../src/state/postgres/retention.js'
import { testLedger } from '../../support/ledger.js'
import { recordedTelemetry } from '../../support/telemetry.js'

const DAY_MS = 86_400_000
const KEEP_MS = 90 * DAY_MS
const SLACK_MS = 30 * DAY_MS
const { store, insert, row, pool, ledger } = await testLedger(t)
let now = Date.parse('2027-01-01T00:00:00Z')
const clock = { now: () => now }
const attachments = new PostgresAttachments(store, clock, KEEP_MS)

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

t.test('a content is kept once a tenant, and read by whoever knows its id there', async (t) => {
  const [one, two] = [file('att_1'), file('att_2', Buffer.from([0, 255, 39, 92, 10]))]
  await attachments.keep('acme', [one, two, one], null)
  await attachments.keep('acme', [one], null)
  await attachments.keep('globex', [two], null)
  const read = await attachments.read('acme', ['att_1', 'att_2', 'att_3'])
  t.same([...read.keys()].sort(), ['att_1', 'att_2'])
  t.ok(read.get('att_1')?.equals(one.content))
  t.ok(read.get('att_2')?.equals(two.content))
  t.same([...(await attachments.read('globex', ['att_1', 'att_2'])).keys()], ['att_2'])
  t.equal((await attachments.read('initech', ['att_1'])).size, 0)
})

t.test('nothing is asked for nothing', async () => {
  await attachments.keep('acme', [], null)
})

t.test('it is kept as long as the last notification that needs it, and never shorter', async (t) => {
  const one = file('att_long')
  const later = now + 400 * DAY_MS
  await attachments.keep('acme', [one], later)
  t.equal(await keptUntil('acme', 'att_long'), later + KEEP_MS + SLACK_MS)
  await attachments.keep('acme', [one], null)
  t.equal(await keptUntil('acme', 'att_long'), later + KEEP_MS + SLACK_MS)
  await attachments.keep('acme', [file('att_past')], now - DAY_MS)
  t.equal(await keptUntil('acme', 'att_past'), now + KEEP_MS + SLACK_MS)
})

t.test('moving a notification to a later time keeps its files longer', async (t) => {
  await attachments.keep('acme', [file('att_moved')], null)
  await attachments.keep('globex', [file('att_moved')], null)
  const { id } = await insert({ tenantId: 'acme', channel: 'email', attachments: [attached('att_moved')] })
  const later = now + 1_000 * DAY_MS
  await attachments.extend('globex', id, later)
  t.equal(await keptUntil('acme', 'att_moved'), now + KEEP_MS + SLACK_MS, 'not for another tenant')
  await attachments.extend('acme', id, later)
  t.equal(await keptUntil('acme', 'att_moved'), later + KEEP_MS + SLACK_MS)
  t.equal(await keptUntil('globex', 'att_moved'), now + KEEP_MS + SLACK_MS)
  await attachments.extend('acme', id, now)
  t.equal(
    await keptUntil('acme', 'att_moved'),
    later + KEEP_MS + SLACK_MS,
    'an earlier one takes nothing back',
  )
  const { id: without } = await insert({ tenantId: 'acme' })
  await attachments.extend('acme', without, later)
})

t.test('requests with the same files do not wait for each other in a circle', async () => {
  const files = Array.from({ length: 10 }, (_, n) => file(`att_same_${n}`, Buffer.from([n])))
  const orders = [files, [...files].reverse()]
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => attachments.keep('acme', orders[n % 2] ?? [], now + n * DAY_MS)),
  )
})

t.test('what nobody needs any more is deleted', async (t) => {
  await attachments.keep('retained', [file('att_a')], null)
  await attachments.keep('retained', [file('att_b')], now + 10 * DAY_MS)
  await attachments.keep(
    'retained',
    Array.from({ length: 250 }, (_, n) => file(`att_${n}`, Buffer.from([n]))),
    null,
  )
  const telemetry = recordedTelemetry()
  const options = { keepMs: KEEP_MS, keyTtlMs: DAY_MS, intervalMs: DAY_MS }
  const retention = new Retention(store, clock, options, telemetry.log)
  now += KEEP_MS + SLACK_MS - 1
  await retention.run()
  t.ok(await keptUntil('retained', 'att_a'))
  now += 2
  await retention.run()
  const { rows } = await pool.query("SELECT id FROM attachments WHERE tenant_id = 'retained'")
  t.same(rows, [{ id: 'att_b' }])
  const told = telemetry.lines.find(({ event }) => event === 'postgres.retention_done')
  t.ok(Number(told?.attachments) > 250)
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
