import t, { type Test } from 'tap'
import type { DigestDraft } from '../../../src/model/digest-draft.js'
import { notificationId } from '../../../src/model/id.js'
import type { Notification } from '../../../src/model/notification.js'
import { Archive } from '../../../src/state/postgres/archive.js'
import { PostgresDigests } from '../../../src/state/postgres/digests.js'
import { ReadState } from '../../../src/state/postgres/read-state.js'
import { Recovery } from '../../../src/state/postgres/recovery.js'
import { testLedger } from '../../support/ledger.js'
import { aNotification } from '../../support/notification.js'

const ADA = { tenantId: 'acme', userId: 'ada', channel: 'email' } as const
const HELD = { status: 'pending', dueAt: Date.now() - 1_000, admitted: false, reason: 'digest' } as const

async function stand(t: Test) {
  const base = await testLedger(t)
  const hold = (changes: Partial<Notification> = {}, decision = HELD): Promise<Notification> =>
    base.insert({ ...ADA, metadata: { email: 'a@example.org' }, ...changes }, decision)
  return { ...base, digests: new PostgresDigests(base.store), hold }
}

const draft = (members: readonly string[], changes: Partial<DigestDraft> = {}): DigestDraft => ({
  id: notificationId(Date.now()),
  ...ADA,
  frequency: 'daily',
  metadata: { email: 'a@example.org' },
  members,
  memberTraces: [],
  traceparent: null,
  createdAt: Date.now(),
  ...changes,
})

t.test('what waits for a digest is found for each user, and nothing else', async (t) => {
  const { digests, hold, insert } = await stand(t)
  const first = await hold({ notificationType: 'billing', expiresAt: Date.now() + 60_000 })
  const second = await hold()
  await hold({ userId: 'bob' })
  await hold({ tenantId: 'other' })
  await hold({ channel: 'in_app' })
  await hold({}, { ...HELD, dueAt: Date.now() + 60_000 })
  await insert({ ...ADA }, { ...HELD, reason: 'quiet_hours' })
  const [ada, nobody] = await digests.held([ADA, { ...ADA, userId: 'nobody' }])
  t.same(ada, [
    {
      id: first.id,
      notificationType: 'billing',
      address: 'a@example.org',
      traceparent: null,
      expiresAt: first.expiresAt,
    },
    {
      id: second.id,
      notificationType: 'activity',
      address: 'a@example.org',
      traceparent: null,
      expiresAt: null,
    },
  ])
  t.same(nobody, [])
})

t.test('a webhook endpoint that was named goes before its URL', async (t) => {
  const { digests, hold } = await stand(t)
  const webhook = { channel: 'webhook' } as const
  await hold({ ...webhook, metadata: { webhook_endpoint: 'whe_1', webhook_url: 'https://a.example/' } })
  await hold({ ...webhook, metadata: { webhook_url: 'https://a.example/' } })
  await hold({ metadata: { email: 'a@example.org', webhook_endpoint: 'whe_1' } })
  const [hooks, mail] = await digests.held([{ ...ADA, ...webhook }, ADA])
  t.match(hooks, [{ address: 'whe_1' }, { address: 'https://a.example/' }])
  t.match(mail, [{ address: 'a@example.org' }])
})

t.test('collected once, whoever asks and however often', async (t) => {
  const { digests, hold, pool, row } = await stand(t)
  const held = await Promise.all(Array.from({ length: 30 }, (_, n) => hold({ content: `text ${n}` })))
  const ids = held.map(({ id }) => id)
  const drafts = Array.from({ length: 8 }, (_, n) => draft(n % 2 === 0 ? ids : [...ids].reverse()))
  const written = await Promise.all(drafts.map((one) => digests.collect([one])))
  t.equal(
    written.reduce((sum, { size }) => sum + size, 0),
    1,
    'one of eight at once',
  )
  const { rows } = await pool.query(
    'SELECT DISTINCT digest_id FROM notifications WHERE digest_id IS NOT NULL',
  )
  t.equal(rows.length, 1)
  t.match(await row(rows[0].digest_id), {
    status: 'pending',
    admitted: false,
    digest: 'daily',
    notification_type: 'digest',
    metadata: { email: 'a@example.org' },
  })
  t.same(await digests.held([ADA]), [[]])
})

t.test('what was cancelled meanwhile is not in it, and an empty digest is not written', async (t) => {
  const { digests, hold, store, pool } = await stand(t)
  const [kept, gone] = [await hold(), await hold()]
  await new Archive(store).cancel('acme', gone.id)
  const [both, nothing] = [draft([kept.id, gone.id]), draft([gone.id])]
  t.same(await digests.collect([both, nothing]), new Set([both.id]))
  const [contents] = await digests.collected([both.id])
  t.match(contents, { count: 1, items: [{ id: kept.id, title: kept.title, content: kept.content }] })
  t.equal((await pool.query('SELECT count(*) AS n FROM notifications WHERE digest IS NOT NULL')).rows[0].n, 1)
})

t.test('a digest tells of the newest fifty and counts all', async (t) => {
  const { digests, hold } = await stand(t)
  const held: Notification[] = []
  for (let n = 0; n < 120; n += 1) held.push(await hold({ content: 'x'.repeat(3_000), title: `t${n}` }))
  const one = draft(held.map(({ id }) => id))
  await digests.collect([one])
  const [contents, none] = await digests.collected([one.id, 'notif_none'])
  t.equal(contents?.count, 120)
  t.same(
    contents?.items.map(({ title }) => title),
    held.slice(70).map(({ title }) => title),
  )
  t.equal(contents?.items[0]?.content.length, 300)
  t.match(contents?.items[0], { notificationType: 'activity', createdAt: held[70]?.createdAt })
  t.same(none, { count: 0, items: [] })
})

t.test('what becomes of a digest becomes of what is in it', async (t) => {
  const { digests, hold, ledger, store, row } = await stand(t)
  const collected = async (): Promise<{ id: string; member: string }> => {
    const { id } = await hold()
    const one = draft([id])
    await digests.collect([one])
    return { id: one.id, member: id }
  }
  const claimed = async (id: string): Promise<string> => {
    await ledger.decide([
      {
        notification: aNotification({ ...ADA, id }),
        decision: { status: 'pending', dueAt: null, admitted: true, reason: null },
        amended: false,
        fallback: null,
      },
    ])
    const { claimed: taken } = await ledger.claim([id], 60_000)
    return taken[0]?.leaseToken ?? ''
  }
  const result = {
    attempt: 1,
    channel: 'email',
    retryAfterMs: 0,
    fallback: null,
    startedAt: Date.now(),
  } as const
  const sent = await collected()
  const failed = await collected()
  const suppressed = await collected()
  const cancelled = await collected()
  await ledger.settle([
    {
      ...result,
      ...{ id: sent.id, leaseToken: await claimed(sent.id) },
      status: 'sent',
      failure: null,
      receipt: {},
      durationMs: 1,
    },
    {
      ...result,
      ...{ id: failed.id, leaseToken: await claimed(failed.id) },
      status: 'failed',
      failure: { code: 'rejected', message: 'no', provider: null },
      receipt: null,
      durationMs: 1,
    },
  ])
  await ledger.decide([
    {
      notification: aNotification({ ...ADA, id: suppressed.id }),
      decision: { status: 'suppressed', reason: 'blocked' },
      amended: false,
      fallback: null,
    },
  ])
  await new Archive(store).cancel('acme', cancelled.id)
  t.match(await row(sent.member), { status: 'sent', sent_at: Number, digest_id: sent.id })
  t.match(await row(failed.member), { status: 'failed', reason: 'rejected', sent_at: null })
  t.match(await row(suppressed.member), { status: 'suppressed', reason: 'blocked' })
  t.match(await row(cancelled.member), { status: 'cancelled' })
})

t.test('what is in a digest is nobody else’s business', async (t) => {
  const { digests, hold, ledger, store } = await stand(t)
  const inApp = { ...ADA, channel: 'in_app' } as const
  const member = await hold(inApp)
  const one = draft([member.id], { channel: 'in_app', metadata: {} })
  await digests.collect([one])
  t.same(await ledger.waiting([member.id]), [], 'it does not pass the stages again')
  const queued: string[] = []
  for await (const page of new Recovery(store).dueBetween(0, Date.now() + 1_000, 100))
    queued.push(...page.map(({ id }) => id))
  t.same(queued, [one.id], 'the sweeper does not queue it')
  const archive = new Archive(store)
  await t.rejects(archive.cancel('acme', member.id), { code: 'conflict' })
  await t.rejects(archive.reschedule('acme', member.id, Date.now()), { code: 'conflict' })
  await ledger.decide([
    {
      notification: aNotification({
        ...inApp,
        id: one.id,
        digest: 'daily',
        title: '1 new',
        content: 'one',
        templateId: 'tmpl_digest_in_app',
        templateUse: { version: 3, variant: 'a', locale: 'zh' },
      }),
      decision: { status: 'sent' },
      amended: true,
      fallback: null,
    },
  ])
  const inbox = await archive.list({ ...inApp, unread: null, archived: false, limit: 10, cursor: null })
  t.match(inbox.items, [
    { id: one.id, title: '1 new', content: 'one', templateUse: { version: 3, variant: 'a' } },
  ])
  t.equal(inbox.items.length, 1, 'the inbox shows the digest only')
  t.equal(await new ReadState(store).countUnread(inApp), 1)
  t.match(await archive.find('acme', member.id), { status: 'sent', digestId: one.id })
  t.same(await archive.collected(one.id), [member.id])
})
