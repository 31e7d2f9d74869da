import t, { type Test } from 'tap'
import { digestBoundary } from '../../src/model/digest.js'
import type { Notification } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { quietUntil } from '../../src/model/quiet-hours.js'
import { type Frequency, type Recipient, type Subscription, UNKNOWN } from '../../src/model/recipient.js'
import { OPTIONS, POLICY, runningStreams, type Surroundings } from '../support/streams.js'

const HOURS = { dailyAt: 9 * 60, weeklyOn: 1 }

const wants = (frequency: Frequency, changes: Partial<Subscription> = {}): Recipient => ({
  ...UNKNOWN,
  timezone: 'Asia/Shanghai',
  subscriptions: [{ scope: 'group', name: 'activity', channel: null, enabled: true, frequency, ...changes }],
})

type Running = Awaited<ReturnType<typeof runningStreams>>

/** Streams whose provider keeps what it was given. */
async function stand(t: Test, surroundings: Surroundings) {
  const sent: Notification[] = []
  const streams = await runningStreams(
    t,
    async (notification) => {
      sent.push(notification)
      return {}
    },
    surroundings,
  )
  return { ...streams, sent }
}

/** Lets the boundary of everything that waits for a digest come. */
async function boundaryComes({ pool }: Pick<Running, 'pool'>, ...queues: Running['queue'][]): Promise<void> {
  const { rows } = await pool.query(
    `UPDATE notifications SET due_at = now() WHERE reason = 'digest' AND status = 'pending' RETURNING id`,
  )
  const entries = rows.map(({ id }) => ({ id, tenantId: 'acme', dueAt: Date.now() - 1_000 }))
  await Promise.all(queues.map((queue) => queue.delay(entries)))
}

t.test('a day’s notifications are told as one, at the boundary, and end with it', async (t) => {
  const streams = await stand(t, { recipient: () => wants('daily') })
  const { submit, ended, sent, row, queue } = streams
  const before = Date.now()
  const accepted = await Promise.all(
    ['one', 'two', 'three'].map((title) =>
      submit({ title, content: `<p>${title}</p>`, notificationType: title }),
    ),
  )
  const boundary = digestBoundary('daily', 'Asia/Shanghai', before, HOURS)
  for (const answer of accepted)
    t.match(answer, { status: 'pending', reason: 'digest', deferredUntil: boundary })
  await boundaryComes(streams, queue)
  for (const { id } of accepted) t.match(await ended(id, 'sent'), { attempt: 0 })
  t.equal(sent.length, 1)
  const [digest] = sent
  t.match(digest, { notificationType: 'digest', digest: 'daily', title: '您有 3 条新通知' })
  for (const title of ['one', 'two', 'three']) t.match(digest?.content, `${title}: `)
  t.match(await row(digest?.id ?? ''), { status: 'sent', template_version: 0, locale: 'zh' })
  for (const { id } of accepted) t.equal((await row(id)).digest_id, digest?.id)
})

t.test('two instances, and everything comes due in both: one digest for each user', async (t) => {
  const recipient = () => wants('hourly')
  const one = await stand(t, { recipient })
  const two = await stand(t, { recipient, database: one.database })
  const users = Array.from({ length: 20 }, (_, n) => `user_${n}`)
  const accepted = await Promise.all(
    users.flatMap((userId) =>
      Array.from({ length: 7 }, (_, n) => (n % 2 ? one : two).submit({ userId, title: `n${n}` })),
    ),
  )
  await boundaryComes(one, one.queue, two.queue)
  for (const { id } of accepted) await one.ended(id, 'sent')
  const sent = [...one.sent, ...two.sent]
  t.same(sent.map(({ userId }) => userId).sort(), users.toSorted())
  const { rows } = await one.pool.query(
    'SELECT digest_id, count(*) AS n FROM notifications WHERE digest_id IS NOT NULL GROUP BY digest_id',
  )
  t.same(
    rows.map(({ n }) => n),
    users.map(() => 7),
  )
})

t.test('each frequency and each address has a digest of its own', async (t) => {
  const recipient = (): Recipient => ({
    ...wants('daily'),
    subscriptions: [
      ...wants('daily').subscriptions,
      { scope: 'type', name: 'weekly.one', channel: null, enabled: true, frequency: 'weekly' },
    ],
  })
  const streams = await stand(t, { recipient })
  const to = (webhook_url: string) => ({ metadata: { webhook_url } })
  const accepted = await Promise.all([
    streams.submit(to('https://a.example')),
    streams.submit(to('https://a.example')),
    streams.submit(to('https://b.example')),
    streams.submit({ ...to('https://b.example'), notificationType: 'weekly.one' }),
  ])
  await boundaryComes(streams, streams.queue)
  for (const { id } of accepted) await streams.ended(id, 'sent')
  t.same(streams.sent.map(({ digest, metadata }) => `${digest} ${metadata.webhook_url}`).sort(), [
    'daily https://a.example',
    'daily https://b.example',
    'weekly https://b.example',
  ])
})

t.test('what the user no longer wants is not in it; what they want at once comes by itself', async (t) => {
  let now: Recipient = wants('daily')
  const streams = await stand(t, { recipient: () => now })
  const [news, offers, invoice] = await Promise.all(
    ['news', 'offers', 'invoice'].map((notificationType) =>
      streams.submit({ notificationType, title: notificationType }),
    ),
  )
  now = {
    ...now,
    subscriptions: [
      ...now.subscriptions,
      { scope: 'type', name: 'offers', channel: null, enabled: false, frequency: 'immediate' },
      { scope: 'type', name: 'invoice', channel: null, enabled: true, frequency: 'immediate' },
    ],
  }
  await boundaryComes(streams, streams.queue)
  t.match(await streams.ended(offers?.id ?? '', 'suppressed'), { reason: 'not_subscribed', digest_id: null })
  t.match(await streams.ended(invoice?.id ?? '', 'sent'), { digest_id: null, attempt: 1 })
  await streams.ended(news?.id ?? '', 'sent')
  t.same(streams.sent.map(({ title }) => title).sort(), ['invoice', '您有 1 条新通知'].sort())
})

t.test('critical and system come at once', async (t) => {
  const { submit, sent, ended } = await stand(t, {
    recipient: () => wants('weekly', { scope: 'all', name: '' }),
  })
  const accepted = await Promise.all([
    submit({ priority: 'critical' }),
    submit({ notificationType: 'system' }),
    submit({ notificationType: 'system.password_reset' }),
  ])
  for (const { id, deferredUntil } of accepted) {
    t.equal(deferredUntil, null)
    await ended(id, 'sent')
  }
  t.equal(sent.length, 3)
})

t.test('what is scheduled waits for its time first, and then for the digest', async (t) => {
  const streams = await stand(t, { recipient: () => wants('daily') })
  const at = Date.now() + 150
  const answer = await streams.submit({ scheduledAt: at })
  t.match(answer, { reason: 'scheduled', deferredUntil: at })
  for (;;) {
    const { reason, due_at } = await streams.row(answer.id)
    if (reason === 'digest') {
      t.equal(due_at, digestBoundary('daily', 'Asia/Shanghai', at, HOURS))
      break
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(streams.sent.length, 0)
})

t.test(
  'in quiet hours nothing is collected: until the morning everybody may change their mind',
  async (t) => {
    const night = [{ start: 0, end: 1_439 }]
    let now: Recipient = { ...wants('hourly'), timezone: 'UTC', quietHours: night }
    const streams = await stand(t, {
      recipient: () => now,
      options: { quietHours: { ...OPTIONS.quietHours, channels: ['webhook'] } },
    })
    const [kept, unwanted] = [
      await streams.submit({ title: 'kept' }),
      await streams.submit({ title: 'unwanted', notificationType: 'offers' }),
    ]
    const before = Date.now()
    await boundaryComes(streams, streams.queue)
    const held = `SELECT * FROM notifications WHERE reason = 'digest' AND due_at > now() + interval '1 second'`
    const waiting = await streams.waitFor(`${held} AND id = '${unwanted.id}'`)
    t.equal(waiting.due_at, quietUntil(night, 'UTC', before))
    t.match(await streams.waitFor(`${held} AND id = '${kept.id}'`), { digest_id: null, status: 'pending' })
    now = {
      ...now,
      quietHours: [],
      subscriptions: [
        ...now.subscriptions,
        { scope: 'type', name: 'offers', channel: null, enabled: false, frequency: 'immediate' },
      ],
    }
    await boundaryComes(streams, streams.queue)
    t.match(await streams.ended(unwanted.id, 'suppressed'), { reason: 'not_subscribed' })
    await streams.ended(kept.id, 'sent')
    t.match(streams.sent, [{ title: '您有 1 条新通知', content: 'kept: Some content\n' }])
  },
)

t.test('who has everything off but one type gets that in a digest, unless digests are off', async (t) => {
  const off = { scope: 'all', name: '', channel: null, enabled: false, frequency: 'immediate' } as const
  const comments = {
    scope: 'type',
    name: 'comment',
    channel: null,
    enabled: true,
    frequency: 'daily',
  } as const
  const streams = await stand(t, {
    recipient: (userId) => ({
      ...UNKNOWN,
      subscriptions: [
        off,
        comments,
        ...(userId === 'none' ? [{ ...off, scope: 'type' as const, name: 'digest' }] : []),
      ],
    }),
    options: { consent: { groups: new Map(), optIn: new Set(['activity']) } },
  })
  const [some, none] = [
    await streams.submit({ userId: 'some', notificationType: 'comment' }),
    await streams.submit({ userId: 'none', notificationType: 'comment' }),
  ]
  await boundaryComes(streams, streams.queue)
  await streams.ended(some.id, 'sent')
  t.match(await streams.ended(none.id, 'suppressed'), { reason: 'not_subscribed', digest_id: String })
})

for (const way of ['refused', 'without an address', 'suppressed'] as const) {
  t.test(`what is in a digest that is ${way} goes on with its fallback`, async (t) => {
    let collected = false
    const reader = { ...wants('daily'), email: 'ada@example.org' }
    const channels = { ...OPTIONS.channels, email: { ...POLICY, fallbackFor: () => 'in_app' as const } }
    const streams = await runningStreams(
      t,
      () => Promise.reject(new DeliveryFailure('rejected', 'no', { retryable: false })),
      {
        recipient: () => (collected && way === 'without an address' ? wants('daily') : reader),
        suppression: ({ channel }) =>
          collected && way === 'suppressed' && channel === 'email' ? 'bounce' : null,
        options: { channels },
      },
    )
    const { collect } = streams.digests
    streams.digests.collect = async (drafts) => {
      const written = await collect.call(streams.digests, drafts)
      collected = true
      return written
    }
    const [one, two] = await Promise.all(
      ['one', 'two'].map((title) => streams.submit({ title, channel: 'email', metadata: {} })),
    )
    await boundaryComes(streams, streams.queue)
    const { digest_id } = await streams.ended(one?.id ?? '', 'sent')
    t.match(await streams.ended(two?.id ?? '', 'sent'), { digest_id })
    const instead = await streams.row(digest_id)
    t.match(instead, {
      status: 'sent',
      channel: 'in_app',
      digest: 'daily',
      title: '您有 2 条新通知',
      metadata: {},
    })
    t.equal(instead.content, 'one: Some content\ntwo: Some content\n')
    t.match(await streams.row(instead.parent_id), { status: /failed|suppressed/, channel: 'email' })
  })
}

t.test('a tenant’s template for digests that fails is replaced by the built-in one', async (t) => {
  const streams = await stand(t, {
    recipient: () => wants('daily'),
    templates: async (keys) =>
      keys.map(({ id }) => ({
        id,
        version: 1,
        channel: 'webhook' as const,
        defaultLocale: 'zh',
        variables: [{ name: 'nobody_gives_it' }],
        variants: [{ name: 'default', weight: 1, texts: { zh: { title: '{{ count }}', content: '-' } } }],
      })),
  })
  const { id } = await streams.submit({ title: 'one' })
  await boundaryComes(streams, streams.queue)
  await streams.ended(id, 'sent')
  t.match(streams.sent, [{ title: '您有 1 条新通知', templateUse: { version: 0 } }])
  t.ok(streams.telemetry.lines.some(({ event }) => event === 'digest.template_failed'))
})

t.test('a digest that was written by an instance that died at once is sent by another', async (t) => {
  const streams = await stand(t, { recipient: () => wants('daily') })
  const { id } = await streams.submit({})
  await streams.pool.query('UPDATE notifications SET due_at = now() WHERE id = $1', [id])
  await streams.digests.collect([
    {
      id: 'notif_digest',
      tenantId: 'acme',
      userId: 'ada',
      channel: 'webhook',
      frequency: 'daily',
      metadata: { webhook_url: 'https://hooks.example.org/' },
      members: [id],
      memberTraces: [],
      traceparent: null,
      createdAt: Date.now(),
    },
  ])
  await streams.ended(id, 'sent')
  t.same(
    streams.sent.map((one) => one.id),
    ['notif_digest'],
  )
})

t.test('the tenant’s own template for digests is used, in the language of the recipient', async (t) => {
  const text = (title: string, content: string) => ({ title, content })
  const streams = await stand(t, {
    recipient: () => ({ ...wants('daily'), locale: 'en-GB' }),
    templates: async (keys) =>
      keys.map(({ id }) => ({
        id,
        version: 4,
        channel: 'webhook' as const,
        defaultLocale: 'zh',
        variables: [],
        variants: [
          {
            name: 'default',
            weight: 1,
            texts: {
              zh: text('中', '文'),
              en: text(
                '{{ frequency }}: {{ count }}',
                '{% for item in items %}[{{ item.title }}]{% endfor %}',
              ),
            },
          },
        ],
      })),
  })
  const { id } = await streams.submit({ title: 'a' })
  const other = await streams.submit({ title: 'b' })
  await boundaryComes(streams, streams.queue)
  for (const one of [id, other.id]) await streams.ended(one, 'sent')
  t.match(streams.sent, [{ title: 'daily: 2', content: '[a][b]', templateUse: { version: 4, locale: 'en' } }])
  t.match(await streams.row(streams.sent[0]?.id ?? ''), {
    template_id: 'tmpl_digest_webhook',
    template_version: 4,
  })
})
