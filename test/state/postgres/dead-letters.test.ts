import t from 'tap'
import type { DeadEvent, KafkaRecord } from '../../../src/model/dead-event.js'
import type { DeadLetterFilter } from '../../../src/model/dead-letter.js'
import { deadLetterId, idFloor, notificationId } from '../../../src/model/id.js'
import type { Notification } from '../../../src/model/notification.js'
import { PostgresDeadLetters } from '../../../src/state/postgres/dead-letters.js'
import { REDRIVE } from '../../../src/state/postgres/dead-letters-redrive.js'
import { SCAN } from '../../../src/state/postgres/dead-letters-scan.js'
import { Retention } from '../../../src/state/postgres/retention.js'
import type { Statement } from '../../../src/state/postgres/store.js'
import { testLedger } from '../../support/ledger.js'
import { recordedTelemetry } from '../../support/telemetry.js'
import { eventually } from '../../support/waiting.js'

const MB = 1024 * 1024
const DAY_MS = 86_400_000
const { store, insert, row, pool } = await testLedger(t)
const letters = new PostgresDeadLetters(store, { reading: store, newId: () => deadLetterId(Date.now()) })

const ANY: DeadLetterFilter = {
  kind: null,
  channel: null,
  reason: null,
  status: null,
  topic: null,
  eventType: null,
  since: null,
  until: null,
}

let offset = 0
const record = (change: Partial<KafkaRecord> = {}): KafkaRecord => ({
  topic: 'orders',
  partition: 0,
  offset: `${offset++}`,
  key: Buffer.from('k'),
  value: Buffer.from('{}'),
  headers: [],
  ...change,
})
const event = (change: Partial<DeadEvent> = {}): DeadEvent => ({
  tenantId: 'acme',
  eventId: 'e1',
  eventType: 'order.paid',
  reason: 'template_not_found',
  detail: 'there is no template tmpl_x',
  traceparent: null,
  record: record(),
  ...change,
})

/** A notification that has ended, and when. */
async function ended(
  change: Partial<Notification> = {},
  { status = 'failed', reason = 'rejected', ageMs = 0, attempt = 4 } = {},
): Promise<string> {
  const { id } = await insert(change)
  await pool.query(
    `UPDATE notifications SET status = $2, reason = $3, attempt = $4, admitted = true, sent_at = NULL,
      updated_at = now() - make_interval(secs => $5) WHERE id = $1`,
    [id, status, reason, attempt, ageMs / 1000],
  )
  return id
}

/** Adds one and gives its id. */
async function dead(change: Partial<DeadEvent> = {}, ageMs = 0): Promise<string> {
  const before = new Set((await pool.query('SELECT id FROM dead_letters')).rows.map(({ id }) => id))
  await letters.add([event(change)])
  const { rows } = await pool.query('SELECT id FROM dead_letters')
  const id = rows.map((added) => String(added.id)).find((added) => !before.has(added)) ?? ''
  await pool.query('UPDATE dead_letters SET updated_at = now() - make_interval(secs => $2) WHERE id = $1', [
    id,
    ageMs / 1000,
  ])
  return id
}

/** All that fit, page by page. */
async function listed(
  tenantId: string,
  filter: Partial<DeadLetterFilter> = {},
  limit = 100,
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page = await letters.list(tenantId, { ...ANY, ...filter }, { limit, cursor })
    t.ok(page.items.length <= limit)
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return ids
}

const redriven = async (tenantId: string, ids: readonly string[]) => {
  const wanted = ids.map((id) => ({ id, isDigest: false }))
  const found = { redriven: [] as string[], refused: new Map<string, string>() }
  for await (const { redriven, refused } of letters.redrive(tenantId, wanted)) {
    found.redriven.push(...redriven.map(({ id }) => id))
    for (const [id, { code, message }] of refused) found.refused.set(id, `${code}: ${message}`)
  }
  return found
}

t.test('an event is kept as it came, and once however often it is brought', async (t) => {
  const value = Buffer.from([0xff, 0x00, 0x01])
  const headers = [
    ['ce_id', Buffer.from('42')],
    ['ce_id', Buffer.from([0x80])],
  ] as const
  const one = event({ tenantId: 'kept', record: record({ offset: '9223372036854775807', value, headers }) })
  await letters.add([one, one])
  await letters.add([one])
  const [id = '', ...more] = await listed('kept')
  t.same(more, [])
  const [found] = await letters.records('kept', [id])
  t.same(found?.record, one.record)
  t.match(found, {
    status: 'dead',
    offset: '9223372036854775807',
    size: 3,
    complete: true,
    reason: one.reason,
  })
  t.same(await letters.records('acme', [id]), [], 'another tenant has none')
  await letters.add([event({ tenantId: 'kept', record: { ...one.record, value: Buffer.from('other') } })])
  t.equal((await listed('kept')).length, 2, 'a topic that is made anew counts from the beginning')
  const tombstone = await dead({ tenantId: 'kept', record: record({ key: null, value: null }) })
  t.match(await letters.records('kept', [tombstone]), [
    { complete: true, size: 0, record: { key: null, value: null } },
  ])
})

t.test('what is too large is told and not kept, in as many statements as it takes', async (t) => {
  const large = (value: Buffer | null, change: Partial<KafkaRecord> = {}) =>
    event({ tenantId: 'large', record: record({ value, ...change }) })
  const many = Array.from({ length: 300 }, (_, n) => [`h${n}`, Buffer.from('x')] as const)
  await letters.add([
    large(Buffer.alloc(MB + 1)),
    large(Buffer.alloc(8), { key: Buffer.alloc(65_537) }),
    large(Buffer.alloc(8), { headers: [['h', Buffer.alloc(65_537)]] }),
    large(Buffer.alloc(8), { headers: many }),
    ...Array.from({ length: 10 }, () => large(Buffer.alloc(MB))),
  ])
  const { rows } =
    await pool.query(`SELECT complete, size, payload IS NULL AS gone, count(*) AS n FROM dead_letters
    WHERE tenant_id = 'large' GROUP BY 1, 2, 3 ORDER BY 1, 2`)
  t.same(rows, [
    { complete: false, size: 8, gone: false, n: 3 },
    { complete: false, size: MB + 1, gone: true, n: 1 },
    { complete: true, size: MB, gone: false, n: 10 },
  ])
})

t.test('texts that PostgreSQL cannot store are made storable', async (t) => {
  const text = `a\u0000b\ud800${'x'.repeat(2_000)}`
  const id = await dead({
    tenantId: 'texts',
    eventId: text,
    eventType: text,
    detail: text,
    traceparent: text,
    record: record({ topic: text, headers: [['n\u0000\udc00', Buffer.from('v')]] }),
  })
  const [found] = await letters.records('texts', [id])
  t.equal(found?.detail, `ab\ufffd${'x'.repeat(996)}`)
  t.equal(found?.eventId?.length, 254)
  t.same(found?.record.headers, [['n\ufffd', Buffer.from('v')]])
})

t.test('events and notifications are one list, newest first, whole page by page', async (t) => {
  const tenantId = 'listed'
  const expected = [
    await ended({ tenantId }, { ageMs: 1_000 }),
    await dead({ tenantId }, 2_000),
    await ended({ tenantId, channel: 'sms' }, { status: 'uncertain', ageMs: 3_000 }),
    await dead({ tenantId, eventType: 'order.late' }, 4_000),
    await ended({ tenantId, channel: 'websocket' }, { ageMs: 5_000 }),
  ]
  const offline = await ended({ tenantId, channel: 'websocket' }, { reason: 'offline' })
  await ended({ tenantId }, { status: 'sent' })
  await ended({ tenantId }, { status: 'suppressed' })
  const replaced = await ended({ tenantId })
  const member = await ended({ tenantId })
  const fallback = await ended({ tenantId, channel: 'email' }, { status: 'sent' })
  await pool.query('UPDATE notifications SET parent_id = $2 WHERE id = $1', [fallback, replaced])
  await pool.query('UPDATE notifications SET digest_id = $2 WHERE id = $1', [member, 'notif_digest'])
  // Many of a batch end in the same moment.
  await pool.query(
    'UPDATE notifications SET updated_at = (SELECT updated_at FROM dead_letters WHERE id = $2) WHERE id = $1',
    [expected[0], expected[1]],
  )
  expected.splice(0, 2, ...expected.slice(0, 2).sort().reverse())
  for (const limit of [1, 2, 3, 5, 100]) t.same(await listed(tenantId, {}, limit), expected, `by ${limit}`)
  t.same(await listed(tenantId, { reason: 'offline' }), [offline])
  t.same(await listed('nobody'), [])
  t.match(await letters.findNotification(tenantId, offline), { id: offline, reason: 'offline' })
  t.equal(await letters.findNotification(tenantId, replaced), null)
  t.equal(await letters.findNotification('nobody', offline), null)
  await t.rejects(listedAfter('bm90'), { code: 'validation_failed' })
  await t.rejects(listedAfter(Buffer.from('["x","y"]').toString('base64url')), { code: 'validation_failed' })
})

const listedAfter = (cursor: string) => letters.list('acme', ANY, { limit: 1, cursor })

t.test('each filter finds what it names', async (t) => {
  const tenantId = 'filtered'
  const mail = await ended({ tenantId, channel: 'email' }, { reason: 'timeout', ageMs: 60_000 })
  const text = await ended({ tenantId, channel: 'sms' }, { status: 'uncertain', reason: 'timeout' })
  const paid = await dead({ tenantId, record: record({ topic: 'a' }) }, 60_000)
  const late = await dead({
    tenantId,
    reason: 'unreadable',
    eventType: 'late',
    record: record({ topic: 'b' }),
  })
  const done = await dead({ tenantId })
  await letters.settle(new Map([[done, null]]))
  const minuteAgo = Date.now() - 30_000
  for (const [filter, ids] of [
    [{ kind: 'event' }, [late, paid]],
    [{ kind: 'notification' }, [text, mail]],
    [{ channel: 'email' }, [mail]],
    [{ reason: 'timeout' }, [text, mail]],
    [{ reason: 'unreadable' }, [late]],
    [{ status: 'failed' }, [mail]],
    [{ status: 'uncertain' }, [text]],
    [{ status: 'dead' }, [late, paid]],
    [{ status: 'redriven' }, [done]],
    [{ topic: 'a' }, [paid]],
    [{ eventType: 'late' }, [late]],
    [{ since: minuteAgo }, [late, text]],
    [{ until: minuteAgo }, [paid, mail]],
    [{ kind: 'event', channel: 'email' }, []],
    [{ topic: 'a', channel: 'email' }, []],
  ] satisfies [Partial<DeadLetterFilter>, string[]][])
    t.same((await listed(tenantId, filter)).sort(), [...ids].sort(), JSON.stringify(filter))
})

t.test('an event that is settled is dead no more, or at the top again', async (t) => {
  const tenantId = 'settled'
  const [done, again, other] = [
    await dead({ tenantId }, 9_000),
    await dead({ tenantId }, 8_000),
    await dead({ tenantId }),
  ]
  const poison = { reason: 'variable_missing', detail: 'order_id has no value' } as const
  await letters.settle(
    new Map([
      [done, null],
      [again, poison],
    ]),
  )
  await letters.settle(new Map([[done, poison]]))
  t.same(await listed(tenantId), [again, other])
  t.match(await letters.records(tenantId, [again]), [{ ...poison, status: 'dead' }])
  t.match(await letters.records(tenantId, [done]), [{ status: 'redriven', reason: 'template_not_found' }])
  t.equal(await letters.remove('acme', other), false)
  t.equal(await letters.remove(tenantId, other), true)
  t.equal(await letters.remove(tenantId, other), false)
})

t.test('a notification is pending again, with its attempts counted on', async (t) => {
  const tenantId = 'redriven'
  const id = await ended({ tenantId }, { status: 'uncertain' })
  t.same(await redriven('acme', [id]), {
    redriven: [],
    refused: new Map([[id, 'not_found: there is no such notification']]),
  })
  t.same((await redriven(tenantId, [id])).redriven, [id])
  t.match(await row(id), {
    status: 'pending',
    reason: 'redriven',
    admitted: false,
    attempt: 4,
    earlier_attempts: 4,
    lease_token: null,
    sent_at: null,
  })
  t.ok(Math.abs((await row(id)).due_at - Date.now()) < 10_000)
  t.match((await redriven(tenantId, [id])).refused.get(id), /^conflict: the notification is pending/)
})

t.test('two who redrive the same at once redrive it once', async (t) => {
  const tenantId = 'twice'
  const ids = await Promise.all(Array.from({ length: 30 }, () => ended({ tenantId })))
  const rounds = await Promise.all([redriven(tenantId, ids), redriven(tenantId, [...ids].reverse())])
  t.same(rounds.flatMap(({ redriven }) => redriven).sort(), [...ids].sort())
  t.equal(
    rounds.reduce((sum, { refused }) => sum + refused.size, 0),
    30,
  )
})

t.test('what was redriven and failed again while a redrive waited for its turn is left alone', async (t) => {
  const tenantId = 'overtaken'
  const ids = [await ended({ tenantId }), await ended({ tenantId })].sort()
  const [first = '', second = ''] = ids
  const holder = await pool.connect()
  t.teardown(() => holder.release(true))
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM notifications WHERE id = $1 FOR UPDATE', [first])
  const waiting = redriven(tenantId, ids)
  await eventually(async () => {
    const { rows } = await pool.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH redriven%'`,
    )
    return rows.length > 0
  }, 'the redrive to wait')
  // Somebody else redrives it, it fails again, and its fallback goes out.
  t.same((await redriven(tenantId, [second])).redriven, [second])
  await pool.query(
    `UPDATE notifications SET status = 'failed', reason = 'rejected', attempt = 5, updated_at = now() WHERE id = $1`,
    [second],
  )
  const fallback = await ended({ tenantId }, { status: 'sent' })
  await pool.query('UPDATE notifications SET parent_id = $2 WHERE id = $1', [fallback, second])
  await holder.query('COMMIT')
  const { redriven: done, refused } = await waiting
  t.same(done, [first])
  t.match(refused.get(second), `conflict: ${fallback} has taken its place`)
  t.match(await row(second), { status: 'failed', attempt: 5 })
})

t.test('what has expired or was replaced is refused, and so is a part of a digest', async (t) => {
  const tenantId = 'refused'
  const expired = await ended({ tenantId, expiresAt: Date.now() - 1 })
  const replaced = await ended({ tenantId })
  const fallback = await ended({ tenantId })
  await pool.query('UPDATE notifications SET parent_id = $2 WHERE id = $1', [fallback, replaced])
  const digest = await ended({ tenantId, notificationType: 'digest' })
  await pool.query(`UPDATE notifications SET digest = 'daily' WHERE id = $1`, [digest])
  const members = [await ended({ tenantId }), await ended({ tenantId })]
  await pool.query('UPDATE notifications SET digest_id = $2 WHERE id = ANY($1)', [members, digest])
  const { redriven: none, refused } = await redriven(tenantId, [expired, replaced, members[0] ?? ''])
  t.same(none, [])
  t.match(refused.get(expired), 'conflict: it has expired')
  t.match(refused.get(replaced), `conflict: ${fallback} has taken its place`)
  t.match(refused.get(members[0] ?? ''), `conflict: it went out with the digest ${digest}`)
  t.same((await redriven(tenantId, [digest])).redriven, [digest])
  for (const id of members) t.match(await row(id), { status: 'pending', reason: 'digest', digest_id: digest })
  // Whatever ends the digest the next time ends them once more.
  await pool.query(`UPDATE notifications SET status = 'sent', reason = NULL, sent_at = now() WHERE id = $1`, [
    digest,
  ])
  for (const id of members) t.match(await row(id), { status: 'sent', reason: null })
})

t.test('retention deletes events whose time is over', async (t) => {
  const { log } = recordedTelemetry()
  const options = { keepMs: 90 * DAY_MS, keyTtlMs: DAY_MS, intervalMs: DAY_MS }
  const retention = new Retention(store, { now: () => Date.now() }, options, log)
  const kept = await dead({ tenantId: 'retained' })
  const old = await dead({ tenantId: 'retained' })
  const oldId = idFloor('dl', Date.now() - 91 * DAY_MS)
  await pool.query('UPDATE dead_letters SET id = $2 WHERE id = $1', [old, oldId])
  await retention.run()
  t.same(await listed('retained'), [kept])
})

t.test('many are listed by an index, and the rarest filter has an end', async (t) => {
  const first = notificationId(Date.now())
  await pool.query(
    `INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, title, content,
      metadata, status, reason, due_at, admitted, created_at, updated_at)
    SELECT $1 || n, 'many', 'u' || n, 'email', 1, 'x', '', '', '{}', 'failed',
      CASE WHEN n % 4 = 0 THEN 'offline' ELSE 'rejected' END, now(), true, now(), now() - make_interval(secs => n)
    FROM generate_series(1, 20000) AS n`,
    [first.slice(0, 40)],
  )
  const oldest = await ended({ tenantId: 'many', channel: 'sms' }, { ageMs: DAY_MS })
  await pool.query('ANALYZE notifications')
  t.equal((await listed('many')).length, 15_001, 'pages follow one another')
  const page = await letters.list('many', { ...ANY, channel: 'sms' }, { limit: 10, cursor: null })
  t.same(page.items, [])
  t.type(page.nextCursor, 'string', 'it says where to go on')
  t.same(await listed('many', { channel: 'sms' }), [oldest])
  t.equal(await letters.remaining('many', { ...ANY, channel: 'sms' }, page.nextCursor ?? ''), 1)
  const plan = async (statement: Statement, values: string): Promise<string> => {
    const client = await pool.connect()
    await client.query('SET plan_cache_mode = force_generic_plan')
    await client.query(`PREPARE looked_at AS ${statement.text}`)
    const { rows } = await client.query(`EXPLAIN (COSTS OFF) EXECUTE looked_at(${values})`)
    client.release(true)
    return rows.map((row) => String(row['QUERY PLAN'])).join('\n')
  }
  const scan = await plan(SCAN, `'many', 9e15, '', 0, 20, NULL, NULL, NULL, NULL, NULL, true, true`)
  t.match(
    scan,
    /Merge Append[\s\S]*idx_notifications_dead[\s\S]*idx_notifications_parent.*\n *Index Cond: \(\(parent_id\)::text = \(n.id\)::text\)[\s\S]*idx_dead_letters_tenant/,
  )
  t.notMatch(scan, /Sort Method|^ *-> {2}Sort$|Bitmap|Seq Scan/m)
  const redrive = await plan(REDRIVE, `'many', ARRAY['${oldest}']`)
  t.match(redrive, /idx_notifications_digest/)
  t.notMatch(redrive, /idx_notifications_(dead|user|pending)|Seq Scan on notifications/)
})
