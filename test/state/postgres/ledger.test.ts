import t from 'tap'
import { DeliveryFailure } from '../../../src/model/outcome.js'
import { PostgresLedger } from '../../../src/state/postgres/ledger.js'
import { migrate } from '../../../src/state/postgres/migrate.js'
import { createPool } from '../../../src/state/postgres/pool.js'
import { Store } from '../../../src/state/postgres/store.js'
import type { AttemptResult, Claimed, Ledger } from '../../../src/streams/ports.js'
import { entry, NOW } from '../../support/notification.js'
import { silentLog, startPostgres, testDatabase } from '../../support/postgres.js'

const DAY_MS = 86_400_000
const LEASE_MS = 60_000

const { connection, pool } = await testDatabase(t)
await migrate(connection, silentLog())
const ledger: Ledger = new PostgresLedger(new Store(pool), { keyTtlMs: DAY_MS })

const row = async (id: string) =>
  (await pool.query('SELECT * FROM notifications WHERE id = $1', [id])).rows[0]

function result(claimed: Claimed, changes: Partial<AttemptResult>): AttemptResult {
  return {
    id: claimed.notification.id,
    leaseToken: claimed.leaseToken,
    attempt: claimed.notification.attempt,
    channel: 'webhook',
    status: 'sent',
    retryAfterMs: 0,
    failure: null,
    receipt: {},
    fallback: null,
    startedAt: Date.now(),
    durationMs: 12,
    ...changes,
  }
}

async function claimOne(changes = {}): Promise<Claimed> {
  const one = entry(changes)
  await ledger.insert([one])
  const {
    claimed: [claimed],
  } = await ledger.claim([one.notification.id], LEASE_MS)
  if (claimed === undefined) throw new Error('not claimed')
  return claimed
}

t.test('what is inserted can be claimed once, whole, and by one claimer only', async (t) => {
  const metadata = {
    webhook_url: 'https://example.org',
    nested: { list: [1, 'two', null, true] },
    text: '张三 \\ " ?',
  }
  const one = entry({ metadata, title: 'Ünï', content: 'line\nline', priority: 'high', jobId: 'job_1' })
  const results = await ledger.insert([one, entry()])
  t.match(results, [
    { kind: 'accepted', acceptance: { id: one.notification.id, status: 'pending', replayed: false } },
    {},
  ])
  const claims = await Promise.all(
    Array.from({ length: 8 }, () => ledger.claim([one.notification.id], LEASE_MS)),
  )
  const claimed = claims.flatMap((claim) => claim.claimed)
  t.equal(claimed.length, 1)
  const { due_at: deferredUntil } = await row(one.notification.id)
  t.same(claimed[0]?.notification, { ...one.notification, attempt: 1, deferredUntil })
})

t.test('nothing is claimed before it is due, before it passed the stages, or after it expired', async (t) => {
  const later = entry({}, { ...NOW, dueAt: Date.now() + DAY_MS })
  const waiting = entry(
    {},
    { status: 'pending', dueAt: Date.now() - 1_000, admitted: false, reason: 'scheduled' },
  )
  const expired = entry({ expiresAt: Date.now() - 1_000 })
  const entries = [later, waiting, expired]
  await ledger.insert(entries)
  const claim = await ledger.claim(
    entries.map((e) => e.notification.id),
    LEASE_MS,
  )
  const { due_at: deferredUntil } = await row(expired.notification.id)
  t.same(claim, { claimed: [], expired: [{ ...expired.notification, deferredUntil }] })
  t.match(await row(expired.notification.id), { status: 'expired', reason: 'expired', attempt: 0 })
  t.match(await row(later.notification.id), { status: 'pending' })
})

t.test('a result is written only by who holds the lease', async (t) => {
  const claimed = await claimOne()
  const stale = { ...claimed, leaseToken: 'somebody-else' }
  t.same((await ledger.settle([result(stale, {})])).applied, new Set())
  t.match(await row(claimed.notification.id), { status: 'sending', attempt: 1 })
  t.same(await ledger.settle([result(claimed, {})]), { applied: new Set([claimed.notification.id]), due: [] })
  t.match(await row(claimed.notification.id), { status: 'sent', lease_token: null, reason: null })
  t.same(
    (await ledger.settle([result(claimed, { status: 'failed' })])).applied,
    new Set(),
    'a second result changes nothing',
  )
})

t.test('a retry is due later and has to pass the stages again', async (t) => {
  const claimed = await claimOne()
  const failure = new DeliveryFailure('unavailable', 'HTTP 503', { retryable: true })
  const settled = await ledger.settle([
    result(claimed, { status: 'retry', retryAfterMs: 60_000, failure, receipt: null }),
  ])
  t.same(settled.applied, new Set([claimed.notification.id]))
  const dueAt = settled.due[0]?.dueAt ?? 0
  t.ok(Math.abs(dueAt - Date.now() - 60_000) < 5_000)
  t.match(await row(claimed.notification.id), { status: 'pending', admitted: false, reason: 'unavailable' })
  const [waiting] = await ledger.waiting([claimed.notification.id])
  t.match(waiting, { early: true, dueAt, notification: { attempt: 1 } })
  const attempts = await pool.query('SELECT * FROM delivery_attempts WHERE notification_id = $1', [
    claimed.notification.id,
  ])
  t.match(attempts.rows, [
    { attempt: 1, result: 'retry', failure_code: 'unavailable', message: 'HTTP 503', duration_ms: 12 },
  ])
})

t.test('what was released can be claimed at once', async (t) => {
  const claimed = await claimOne()
  await ledger.settle([result(claimed, { status: 'released', receipt: null })])
  t.equal((await ledger.claim([claimed.notification.id], LEASE_MS)).claimed.length, 1)
})

t.test('decisions reach rows that wait, and no others', async (t) => {
  const dueAt = Date.now() - 1_000
  const wait = () => entry({}, { status: 'pending', dueAt, admitted: false, reason: 'scheduled' })
  const [pass, suppress, defer, cancelled] = [wait(), wait(), wait(), wait()]
  await ledger.insert([pass, suppress, defer, cancelled])
  await pool.query(`UPDATE notifications SET status = 'cancelled' WHERE id = $1`, [cancelled.notification.id])
  const until = Date.now() + DAY_MS
  await ledger.decide([
    { ...pass, decision: NOW },
    { ...suppress, decision: { status: 'suppressed', reason: 'rate_limited' } },
    { ...defer, decision: { status: 'pending', dueAt: until, admitted: false, reason: 'quiet_hours' } },
    { ...cancelled, decision: NOW },
  ])
  const ids = [pass, suppress, defer, cancelled].map((e) => e.notification.id)
  t.same(
    (await ledger.claim(ids, LEASE_MS)).claimed.map((c) => c.notification.id),
    [pass.notification.id],
  )
  t.match(await row(suppress.notification.id), { status: 'suppressed', reason: 'rate_limited' })
  t.match(await row(defer.notification.id), { status: 'pending', reason: 'quiet_hours', due_at: until })
  t.match(await row(cancelled.notification.id), { status: 'cancelled' })
})

t.test('what was moved while it was being judged stays where it was moved to', async (t) => {
  const wait = entry(
    {},
    { status: 'pending', dueAt: Date.now() - 1_000, admitted: false, reason: 'scheduled' },
  )
  const { id } = wait.notification
  await ledger.insert([wait])
  await pool.query(`UPDATE notifications SET due_at = now() + interval '1 h' WHERE id = $1`, [id])
  const decided = await ledger.decide([
    { ...wait, decision: NOW, fallback: { id: 'notif_x', channel: 'in_app' } },
  ])
  t.same(decided, { applied: new Set(), due: [] })
  t.match(await row(id), { admitted: false, due_at: Number })
  t.same(await ledger.claim([id], LEASE_MS), { claimed: [], expired: [] })
})

t.test('a message that cannot be stored as it is does not hold its result back', async (t) => {
  const claimed = await claimOne()
  const message = `${'x'.repeat(999)}\u{1f600} and \u0000`
  const failure = { code: 'rejected', message, provider: null } as const
  const { applied } = await ledger.settle([result(claimed, { status: 'failed', failure, receipt: null })])
  t.equal(applied.size, 1)
})

t.test('an idempotency key is accepted once, in one batch and in many at once', async (t) => {
  const keyed = (key: string, fingerprint = 'same') => entry({ idempotency: { key, fingerprint } })
  const batches = Array.from({ length: 10 }, () => [keyed('k1'), keyed('k2'), keyed('k1'), entry()])
  const results = (await Promise.all(batches.map((batch) => ledger.insert(batch)))).flat()
  const { rows } = await pool.query(`SELECT key, acceptance FROM idempotency_keys WHERE key IN ('k1', 'k2')`)
  t.equal(rows.length, 2)
  const first = rows.find(({ key }) => key === 'k1').acceptance
  t.match(await row(first.id), { status: 'pending' })
  const ofK1 = results.filter((r) => r.kind === 'accepted' && r.acceptance.id === first.id)
  t.equal(ofK1.length, 20, 'all twenty got the answer of the one that was written')
  t.equal(ofK1.filter((r) => r.kind === 'accepted' && !r.acceptance.replayed).length, 1)
  const ids = batches.flat().map((e) => e.notification.id)
  const count = await pool.query('SELECT count(*) AS n FROM notifications WHERE id = ANY($1)', [ids])
  t.equal(count.rows[0].n, 2 + 10)
  t.same(await ledger.insert([keyed('k1', 'other')]), [{ kind: 'mismatch' }])
  const keys = ['k1', 'new'].map((key) => ({ tenantId: 'acme', key, fingerprint: 'same' }))
  t.match(await ledger.recall(keys), [
    { kind: 'accepted', acceptance: { id: first.id, replayed: true } },
    null,
  ])
  t.same(
    await ledger.recall([{ tenantId: 'globex', key: 'k1', fingerprint: 'same' }]),
    [null],
    'keys belong to a tenant',
  )
})

t.test('a key that has expired is taken anew', async (t) => {
  const one = entry({ idempotency: { key: 'old', fingerprint: 'a' } })
  await ledger.insert([one])
  await pool.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'`)
  const two = entry({ idempotency: { key: 'old', fingerprint: 'b' } })
  t.same(await ledger.recall([{ tenantId: 'acme', key: 'old', fingerprint: 'b' }]), [null])
  t.match(await ledger.insert([two]), [
    { kind: 'accepted', acceptance: { id: two.notification.id, replayed: false } },
  ])
})

t.test('a store that is away is told from data that it refuses', async (t) => {
  await t.rejects(ledger.insert([entry({ title: 'x'.repeat(300) })]), { code: '22001' })
  const server = await startPostgres()
  t.teardown(() => server.destroy())
  await migrate(server.connection, silentLog())
  const own = createPool(server.connection, { size: 2, statementTimeoutMs: 5_000, log: silentLog() })
  t.teardown(() => own.end())
  const away = new PostgresLedger(new Store(own), { keyTtlMs: DAY_MS })
  await away.insert([entry()])
  await server.kill()
  await t.rejects(away.insert([entry()]), { name: 'Failure', code: 'store_unavailable', retryAfterMs: 1_000 })
  await server.restart()
  t.match(await away.insert([entry()]), [{ kind: 'accepted' }], 'and it goes on when the server is back')
})
