import t from 'tap'
import { notificationId } from '../../../src/model/id.js'
import type { Notification } from '../../../src/model/notification.js'
import { MISSED_SINCE, PostgresMissed } from '../../../src/state/postgres/missed.js'
import { ReadState } from '../../../src/state/postgres/read-state.js'
import { testLedger } from '../../support/ledger.js'

const { store, insert, pool } = await testLedger(t)
const missed = new PostgresMissed(store)
const SENT = { status: 'sent' } as const
const START = Date.parse('2027-03-01T12:00:00Z')
const MINUTE = 60_000
const at = (minute: number): Date => new Date(START + minute * MINUTE)

const acme = (userId: string) => ({ tenantId: 'acme', userId })

/** In the inbox since that minute. */
async function inApp(userId: string, minute: number, changes: Partial<Notification> = {}): Promise<string> {
  const { id } = await insert({ userId, channel: 'in_app', ...changes }, SENT)
  await pool.query('UPDATE notifications SET sent_at = $2 WHERE id = $1', [id, at(minute)])
  return id
}

/** One for the sockets that came to that end in that minute. */
async function live(userId: string, minute: number, status: string, changes: Partial<Notification> = {}) {
  const { id } = await insert({ userId, channel: 'websocket', ...changes })
  await pool.query(
    `UPDATE notifications SET status = $2::text, due_at = $3, updated_at = $3, sent_at = CASE WHEN $2::text = 'sent' THEN $3::timestamptz END
     WHERE id = $1`,
    [id, status, at(minute)],
  )
  return id
}

const since = (userId: string, id: string, max = 201) => missed.since(acme(userId), { id }, max)

t.test('what came after the last one that was seen, in the order in which it came', async (t) => {
  // Ids tell when something was accepted; this one was sent long after.
  const scheduled = await insert({ userId: 'order', channel: 'in_app' }, SENT)
  const first = await inApp('order', 0)
  const seen = await live('order', 1, 'sent')
  const second = await inApp('order', 2)
  const third = await live('order', 3, 'sent')
  const fourth = await live('order', 4, 'failed')
  const underWay = await live('order', 6, 'sending')
  await pool.query('UPDATE notifications SET sent_at = $2 WHERE id = $1', [scheduled.id, at(5)])
  t.same(await since('order', seen), [second, third, fourth, scheduled.id, underWay])
  t.same(await since('order', first), [seen, second, third, fourth, scheduled.id, underWay])
  t.same(await since('order', fourth), [scheduled.id, underWay])
  t.same(await since('order', underWay), [])
  t.same(await since('order', first, 2), [seen, second], 'the oldest, when there is a limit')
  t.same(await missed.since(acme('order'), { at: at(4).getTime() }, 201), [fourth, scheduled.id, underWay])
  t.same(await missed.since(acme('order'), { at: Date.now() + 1e12 }, 201), [])
})

t.test('what was sent a moment earlier may have been committed later, and is given again', async (t) => {
  const before = await inApp('moment', 0)
  const seen = await inApp('moment', 0)
  await pool.query(`UPDATE notifications SET sent_at = sent_at - interval '1 second' WHERE id = $1`, [before])
  t.same(await since('moment', seen), [before])
})

t.test('nobody has missed what is not for them or for now', async (t) => {
  const seen = await inApp('not', 0)
  const archived = await inApp('not', 1)
  await new ReadState(store).change(acme('not'), archived, 'archive')
  await inApp('somebody else', 1)
  await inApp('not', 1, { tenantId: 'globex' })
  await insert({ userId: 'not', channel: 'in_app' }, { status: 'suppressed', reason: 'rate_limited' })
  await insert({ userId: 'not', channel: 'webhook' })
  await insert({ userId: 'not', channel: 'websocket' })
  await live('not', 1, 'sent', { expiresAt: Date.now() - 1 })
  await live('not', 1, 'cancelled')
  const collected = await live('not', 1, 'sent')
  await pool.query(`UPDATE notifications SET digest_id = 'notif_digest' WHERE id = $1`, [collected])
  const fellBack = await live('not', 1, 'failed')
  const instead = await inApp('not', 2)
  await pool.query('UPDATE notifications SET parent_id = $2 WHERE id = $1', [instead, fellBack])
  t.same(await since('not', seen), [instead])
})

t.test('nobody knows one that is gone, or of somebody else', async (t) => {
  const theirs = await inApp('theirs', 0)
  t.equal(await since('unknown', notificationId(Date.now())), null)
  t.equal(await since('unknown', theirs), null)
  t.equal(await missed.since({ tenantId: 'globex', userId: 'theirs' }, { id: theirs }, 10), null)
})

t.test('what changed about the one that was seen loses nothing', async (t) => {
  const failed = await live('changed', 1, 'failed')
  const redriven = await live('changed', 1, 'sent')
  const next = await inApp('changed', 2)
  // It was marked as read, or redriven, long after the client had gone.
  await new ReadState(store).change(acme('changed'), failed, 'read')
  await pool.query(
    'UPDATE notifications SET earlier_attempts = 1, sent_at = $2, created_at = $3 WHERE id = $1',
    [redriven, at(9), at(0)],
  )
  t.ok((await since('changed', failed))?.includes(next))
  t.ok((await since('changed', redriven))?.includes(next))
})

t.test('texts are read for the user they belong to, in the order of the ids', async (t) => {
  const metadata = { link: '/1' }
  const first = await inApp('texts', 1, { title: 'T', content: 'C', priority: 'high', metadata })
  const second = await live('texts', 2, 'failed')
  await new ReadState(store).change(acme('texts'), first, 'read')
  const theirs = await inApp('other', 1)
  const read = await missed.read(acme('texts'), [second, theirs, first, 'notif_none'])
  t.match(read, [
    { id: second, shownAt: START + 2 * MINUTE, isRead: false },
    {
      id: first,
      title: 'T',
      content: 'C',
      priority: 'high',
      metadata,
      shownAt: START + MINUTE,
      isRead: true,
    },
  ])
  t.equal(read.length, 2)
})

t.test('whoever has much is not read from the beginning', async (t) => {
  await pool.query(
    `INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, title, content, metadata,
       status, due_at, admitted, sent_at, created_at, updated_at)
     SELECT 'notif_' || n, 'acme', 'much', CASE n % 2 WHEN 0 THEN 'in_app' ELSE 'websocket' END, 1, 'activity', 't', 'c', '{}',
       'sent', $1::timestamptz, true, $1::timestamptz + n * interval '1 second', $1, $1 FROM generate_series(1, 20000) AS n`,
    [at(0)],
  )
  await pool.query('ANALYZE notifications')
  t.same(await missed.since(acme('much'), { id: 'notif_19997' }, 3), [
    'notif_19996',
    'notif_19998',
    'notif_19999',
  ])
  const { rows } = await pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${MISSED_SINCE.text}`, [
    'acme',
    'much',
    'notif_19997',
    null,
    201,
  ])
  const [{ Plan: plan }] = rows[0]['QUERY PLAN']
  t.ok(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] < 100, JSON.stringify(plan))
})
