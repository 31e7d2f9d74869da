import t from 'tap'
import { idFloor, jobId } from '../../../src/model/id.js'
import { PostgresJobs } from '../../../src/state/postgres/jobs.js'
import { PostgresPersonalData } from '../../../src/state/postgres/personal-data.js'
import { Recovery } from '../../../src/state/postgres/recovery.js'
import { Retention } from '../../../src/state/postgres/retention.js'
import { PostgresStats } from '../../../src/state/postgres/stats.js'
import { testLedger } from '../../support/ledger.js'
import { NOW } from '../../support/notification.js'
import { recordedTelemetry } from '../../support/telemetry.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const { store, ledger, insert, row, pool } = await testLedger(t)
const clock = { now: () => Date.now() }

t.test('a job opens once for a key, and tells how far it is', async (t) => {
  const jobs = new PostgresJobs(store, { newId: () => jobId(Date.now()), keyTtlMs: DAY_MS })
  const key = { key: 'j1', fingerprint: 'a' }
  const opened = await Promise.all(Array.from({ length: 5 }, () => jobs.open('acme', 3, key)))
  t.equal(new Set(opened.map(({ job }) => job.id)).size, 1)
  t.equal(opened.filter(({ existing }) => !existing).length, 1)
  await t.rejects(jobs.open('acme', 3, { key: 'j1', fingerprint: 'b' }), { code: 'idempotency_mismatch' })
  t.notSame((await jobs.open('globex', 3, key)).job.id, opened[0]?.job.id)
  const id = opened[0]?.job.id ?? ''
  await insert({ jobId: id, channel: 'in_app' }, { status: 'sent' })
  await insert({ jobId: id })
  await jobs.close(id, { invalid_address: 1 })
  t.match(await jobs.find('acme', id), {
    total: 3,
    statuses: { sent: 1, pending: 1 },
    refused: { invalid_address: 1 },
  })
  t.equal(await jobs.find('globex', id), null)
  await pool.query(`UPDATE jobs SET created_at = now() - interval '25 h' WHERE id = $1`, [id])
  t.match(await jobs.open('acme', 3, key), { existing: false }, 'a key that has run out opens another')
  await jobs.discard(id)
  t.ok(await jobs.find('acme', id), 'a job that has rows stays')
  const { job: empty } = await jobs.open('acme', 1, null)
  await jobs.discard(empty.id)
  t.equal(await jobs.find('acme', empty.id), null)
})

t.test('a lease that ran out is taken back, one that holds is not', async (t) => {
  const recovery = new Recovery(store)
  const [lost, held] = [await insert(), await insert()]
  await ledger.claim([lost.id], 1)
  await ledger.claim([held.id], MINUTE_MS)
  await pool.query(`UPDATE notifications SET lease_until = now() - interval '1 s' WHERE id = $1`, [lost.id])
  const { pending, abandoned } = await recovery.returnLeases(100)
  t.same(abandoned, [])
  t.same(
    pending.map(({ id }) => id),
    [lost.id],
  )
  t.match(await row(lost.id), { status: 'pending', admitted: true, lease_token: null })
  t.match(await row(held.id), { status: 'sending' })
})

t.test('what brings down its worker again and again is abandoned', async (t) => {
  const { id } = await insert()
  await ledger.claim([id], MINUTE_MS)
  await pool.query(
    `UPDATE notifications SET lease_until = now() - interval '1 s', attempt = 25 WHERE id = $1`,
    [id],
  )
  t.match(await new Recovery(store).returnLeases(100), { pending: [], abandoned: [{ id }] })
  t.match(await row(id), { status: 'failed', reason: 'abandoned' })
})

t.test('pages through what is due, missing none', async (t) => {
  const dueAt = Date.now() + 10 * DAY_MS
  const ids = new Set<string>()
  for (let n = 0; n < 25; n++) {
    const decision = { ...NOW, dueAt: dueAt + Math.floor(n / 10), admitted: n % 2 === 0 }
    ids.add((await insert({}, decision)).id)
  }
  const pages: string[][] = []
  for await (const page of new Recovery(store).dueBetween(dueAt - 1, dueAt + 1_000, 10))
    pages.push(page.map(({ id }) => id))
  t.same(
    pages.map((page) => page.length),
    [10, 10, 5],
  )
  t.same(new Set(pages.flat()), ids)
})

t.test('retention deletes what is over and old, and nothing else', async (t) => {
  const { log } = recordedTelemetry()
  const retention = new Retention(
    store,
    clock,
    { keepMs: 90 * DAY_MS, keyTtlMs: DAY_MS, intervalMs: DAY_MS },
    log,
  )
  const old = Date.now() - 91 * DAY_MS
  // Below every id of this process, whose clock for ids never goes back.
  const [oldSentId, oldPendingId] = [idFloor('notif', old), idFloor('notif', old - 1)]
  const oldSent = await insert({ id: oldSentId, createdAt: old, channel: 'in_app' }, { status: 'sent' })
  const oldPending = await insert({ id: oldPendingId, createdAt: old })
  const fresh = await insert(
    { channel: 'in_app', idempotency: { key: 'fresh', fingerprint: '' } },
    { status: 'sent' },
  )
  await insert({ channel: 'in_app', idempotency: { key: 'stale', fingerprint: '' } }, { status: 'sent' })
  await pool.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE key = 'stale'`)
  await pool.query(`INSERT INTO delivery_attempts VALUES ($1, 1, 'sent', NULL, NULL, NULL, now(), 1)`, [
    oldSent.id,
  ])
  await retention.run()
  t.equal(await row(oldSent.id), undefined)
  t.equal(
    (await pool.query('SELECT 1 FROM delivery_attempts WHERE notification_id = $1', [oldSent.id])).rowCount,
    0,
  )
  t.ok(await row(oldPending.id), 'what is not finished is kept, however old')
  t.ok(await row(fresh.id))
  t.same((await pool.query(`SELECT key FROM idempotency_keys ORDER BY key`)).rows, [{ key: 'fresh' }])
})

t.test("a person's data can be exported and erased, and only theirs", async (t) => {
  const data = new PostgresPersonalData(store, { forgetUser: () => undefined })
  const user = { tenantId: 'acme', userId: 'person' }
  const mine = [await insert(user), await insert({ ...user, channel: 'in_app' }, { status: 'sent' })]
  const sending = await insert(user)
  await ledger.claim([sending.id], MINUTE_MS)
  const other = await insert({ tenantId: 'globex', userId: 'person' })
  const exported: string[] = []
  for await (const { id } of data.export(user)) exported.push(id)
  t.same(
    exported,
    [...mine, sending].map(({ id }) => id),
  )
  t.same(await data.erase(user), { erased: 2, remaining: 1 }, 'what is being sent is not torn away')
  t.ok(await row(other.id))
})

t.test('statistics count by channel and status, and time what was sent', async (t) => {
  const tenantId = 'counted'
  await insert({ tenantId, channel: 'in_app' }, { status: 'sent' })
  await insert({ tenantId, channel: 'email' }, { status: 'suppressed', reason: 'rate_limited' })
  await insert({ tenantId, channel: 'email' })
  t.match(await new PostgresStats(store).read(tenantId, Date.now() - MINUTE_MS), [
    { channel: 'email', statuses: { suppressed: 1, pending: 1 }, latencyP50Ms: null },
    { channel: 'in_app', statuses: { sent: 1 }, latencyP50Ms: Number, latencyP99Ms: Number },
  ])
  t.same(await new PostgresStats(store).read('nobody', 0), [])
})
