import t from 'tap'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { OPTIONS, POLICY, runningStreams } from '../support/streams.js'

t.test('accepted, delivered once, settled', async (t) => {
  const sent: string[] = []
  const { submit, ended, pool } = await runningStreams(t, async ({ id }) => {
    sent.push(id)
    return { providerId: `p-${id}` }
  })
  const accepted = await Promise.all(Array.from({ length: 200 }, (_, n) => submit({ userId: `u${n}` })))
  for (const { id, status } of accepted) {
    t.equal(status, 'pending')
    await ended(id, 'sent')
  }
  t.same([...sent].sort(), accepted.map(({ id }) => id).sort())
  const { rows } = await pool.query(
    'SELECT count(*) AS n FROM delivery_attempts WHERE provider_id IS NOT NULL',
  )
  t.equal(rows[0].n, 200)
})

t.test('failures are tried again through the delay queue, and end as failed', async (t) => {
  const attempts: number[] = []
  const { submit, ended, telemetry, until } = await runningStreams(t, async ({ attempt }) => {
    attempts.push(attempt)
    throw new DeliveryFailure('unavailable', 'HTTP 503', { retryable: true })
  })
  const { id } = await submit()
  t.match(await ended(id, 'failed'), { reason: 'unavailable', attempt: 4 })
  t.same(attempts, [1, 2, 3, 4])
  await until(() => telemetry.lines.some(({ event }) => event === 'notification.failed'))
  const events = telemetry.lines.filter((line) => line.notification_id === id).map((line) => line.event)
  t.same(events, [
    'notification.accepted',
    ...Array.from({ length: 3 }, () => ['notification.retried', 'notification.due']).flat(),
    'notification.failed',
  ])
})

t.test('what fails for good is sent by the fallback channel', async (t) => {
  const channels = { ...OPTIONS.channels, websocket: { ...POLICY, fallbackFor: () => 'in_app' as const } }
  const offline = new DeliveryFailure('offline', 'nobody there', { retryable: false })
  const { submit, ended, told, row, pool } = await runningStreams(t, () => Promise.reject(offline), {
    options: { channels },
  })
  const { id } = await submit({ channel: 'websocket', metadata: { a: 1 }, priority: 'high' })
  t.match(await ended(id, 'failed'), { reason: 'offline', attempt: 1 })
  const { rows } = await pool.query('SELECT * FROM notifications WHERE parent_id = $1', [id])
  t.match(rows, [{ channel: 'in_app', title: 'A title', metadata: { a: 1 }, priority: 8, parent_id: id }])
  await told(rows[0].id)
  t.match(await row(rows[0].id), { status: 'sent' })
})

t.test('in-app is delivered by the accepting transaction', async (t) => {
  const { submit, row, announced } = await runningStreams(t, () =>
    Promise.reject(new Error('not to be called')),
  )
  const { id, status } = await submit({ channel: 'in_app' })
  t.equal(status, 'sent')
  t.match(await row(id), { status: 'sent', sent_at: Number })
  t.same(announced, [id])
})

t.test('the answer tells what the stages decided', async (t) => {
  const { submit, row } = await runningStreams(t, async () => ({}), {
    options: {
      quietHours: { windows: [{ start: 0, end: 1439 }], timezone: 'UTC', channels: ['email'], spreadMs: 0 },
    },
  })
  const until = Date.now() + 60_000
  t.match(await submit({ scheduledAt: until }), {
    status: 'pending',
    reason: 'scheduled',
    deferredUntil: until,
  })
  t.match(await submit({ notificationType: 'marketing' }), { status: 'suppressed', reason: 'not_subscribed' })
  t.match(await submit({ expiresAt: Date.now() - 1 }), { status: 'expired' })
  t.match(await submit({ channel: 'email', priority: 'critical' }), {
    status: 'pending',
    deferredUntil: null,
  })
  const minutes = new Date().getUTCHours() * 60 + new Date().getUTCMinutes()
  if (minutes < 1438) {
    const night = await submit({ channel: 'email' })
    t.match(night, { status: 'pending', reason: 'quiet_hours' })
    t.match(await row(night.id), { due_at: night.deferredUntil, admitted: false })
  }
  const many = await Promise.all(Array.from({ length: 8 }, () => submit({ userId: 'busy' })))
  t.equal(many.filter(({ status }) => status === 'suppressed').length, 3, 'five an hour')
  t.match(await submit({ userId: 'busy', priority: 'critical' }), { status: 'pending' })
})

t.test('what cannot be rendered is refused by name and leaves no row', async (t) => {
  const { submit, pool } = await runningStreams(t, async () => ({}))
  await t.rejects(submit({ content: 'Hi {{ who }}', variables: {} }), {
    code: 'variable_missing',
    errors: [{ field: '/variables/who' }],
  })
  await t.rejects(submit({ title: '{% if %}', variables: { a: 1 } }), {
    code: 'template_invalid',
    errors: [{ field: '/title' }],
  })
  await t.rejects(submit({ templateId: 'tmpl_none' }), { code: 'template_not_found' })
  t.equal((await pool.query('SELECT count(*) AS n FROM notifications')).rows[0].n, 0)
})

t.test('what a filter makes of a variable is refused when it cannot be stored', async (t) => {
  const { submit } = await runningStreams(t, async () => ({}))
  const poisoned = submit({ content: '{{ x | url_decode }}', variables: { x: '%00' } })
  await t.rejects(poisoned, { code: 'validation_failed', errors: [{ field: '/content' }] })
})

t.test('nobody is told of what was cancelled while it was being judged', async (t) => {
  const { submit, pool, announced, queue, told } = await runningStreams(t, async () => ({}))
  const dueAt = Date.now() + 86_400_000
  const cancelled = await submit({ channel: 'in_app', scheduledAt: dueAt })
  const kept = await submit({ channel: 'in_app', scheduledAt: dueAt })
  // Between the reading and the decision of the stages nothing but the database can be asked: let it cancel.
  await pool.query(`CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.id = '${cancelled.id}' THEN RETURN NULL; END IF; RETURN NEW; END $$`)
  await pool.query('UPDATE notifications SET due_at = now(), scheduled_at = now()')
  await pool.query(
    'CREATE TRIGGER cancelling BEFORE UPDATE ON notifications FOR EACH ROW EXECUTE FUNCTION cancel()',
  )
  await queue.delay(
    [cancelled.id, kept.id].map((id) => ({ id, tenantId: 'acme', dueAt: Date.now() - 1_000 })),
  )
  await told(kept.id)
  t.same(announced, [kept.id])
})

t.test('values are escaped where the content is HTML', async (t) => {
  const { submit, row } = await runningStreams(t, async () => ({}))
  const variables = { who: '<b>&' }
  const [email, webhook] = await Promise.all([
    submit({ channel: 'email', title: 'For {{ who }}', content: '<p>{{ who }}</p>', variables }),
    submit({ channel: 'webhook', content: '{{ who }}', variables }),
  ])
  t.match(await row(email.id), { title: 'For <b>&', content: '<p>&lt;b&gt;&amp;</p>' })
  t.match(await row(webhook.id), { content: '<b>&' })
})

t.test('data that the store refuses harms only itself', async (t) => {
  const { submit, ended } = await runningStreams(t, async () => ({}))
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => submit({ userId: `u${n}`, title: n === 7 ? 'nul \u0000' : 'fine' })),
  )
  t.same(
    results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : [])),
    [7],
  )
  for (const result of results) if (result.status === 'fulfilled') await ended(result.value.id, 'sent')
})

t.test('what is scheduled is sent when it is due, never before', async (t) => {
  const at = new Map<string, number>()
  const { submit, ended } = await runningStreams(t, async ({ id }) => {
    at.set(id, Date.now())
    return {}
  })
  const due = Date.now() + 300
  const accepted = await Promise.all(
    Array.from({ length: 100 }, (_, n) => submit({ userId: `u${n}`, scheduledAt: due + n })),
  )
  for (const [n, { id }] of accepted.entries()) {
    await ended(id, 'sent')
    const late = (at.get(id) ?? 0) - (due + n)
    t.ok(late >= 0, `${late} ms late`)
  }
})

t.test('a queue that forgets everything is filled again from the ledger', async (t) => {
  const sent: string[] = []
  const { submit, ended, queue } = await runningStreams(t, async ({ id }) => {
    sent.push(id)
    return {}
  })
  const due = Date.now() + 400
  const accepted = await Promise.all(
    Array.from({ length: 50 }, (_, n) => submit({ userId: `u${n}`, scheduledAt: due })),
  )
  t.equal((await queue.takeDue(due + 1, 1_000)).length, 50, 'taken by somebody who then died')
  for (const { id } of accepted) await ended(id, 'sent')
  t.equal(sent.length, 50)
})

t.test('the work of an instance that died is taken up when its lease ends', async (t) => {
  const sent: string[] = []
  const { submit, ended, ledger, pool, queue } = await runningStreams(t, async ({ id }) => {
    sent.push(id)
    return {}
  })
  const { id } = await submit({ scheduledAt: Date.now() + 86_400_000 })
  await pool.query(`UPDATE notifications SET admitted = true, due_at = now() WHERE id = $1`, [id])
  t.equal((await ledger.claim([id], 200)).claimed.length, 1)
  t.match(await ended(id, 'sent'), { attempt: 2 })
  t.same(sent, [id])
  t.equal((await queue.depth()).ready.webhook, 0)
})
