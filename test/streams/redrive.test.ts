import t, { type Test } from 'tap'
import { createRedriving } from '../../src/api/use-cases/redriving.js'
import { deadLetterId } from '../../src/model/id.js'
import type { Channel, Notification, QueuedChannel } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { UNKNOWN } from '../../src/model/recipient.js'
import { PostgresDeadLetters } from '../../src/state/postgres/dead-letters.js'
import { Store } from '../../src/state/postgres/store.js'
import type { Sink } from '../../src/streams/ports.js'
import { OPTIONS, POLICY, runningStreams, type Surroundings } from '../support/streams.js'

const down = new DeliveryFailure('unavailable', 'the provider is down', { retryable: true })
const ANY = {
  kind: null,
  channel: null,
  reason: null,
  status: null,
  topic: null,
  eventType: null,
  since: null,
  until: null,
}

/** The streams with a provider that is down until it is mended, and the means to redrive. */
async function start(t: Test, surroundings: Surroundings = {}) {
  const provider: { send: Sink['send']; readonly sent: Notification[] } = {
    send: () => Promise.reject(down),
    sent: [],
  }
  const streams = await runningStreams(t, (one, signal) => provider.send(one, signal), surroundings)
  const store = new Store(streams.pool)
  const deadLetters = new PostgresDeadLetters(store, {
    reading: store,
    newId: () => deadLetterId(Date.now()),
  })
  const redriving = createRedriving({
    deadLetters,
    queue: streams.queue,
    handleEvents: async () => [],
    telemetry: streams.telemetry,
  })
  const attempts = async (id: string) =>
    (
      await streams.pool.query(
        'SELECT attempt, result FROM delivery_attempts WHERE notification_id = $1 ORDER BY 1',
        [id],
      )
    ).rows.map(({ attempt, result }) => `${attempt} ${result}`)
  return {
    ...streams,
    redriving,
    attempts,
    provider,
    mend: () => {
      provider.send = async (notification) => {
        provider.sent.push(notification)
        return {}
      }
    },
  }
}

t.test('it has its retries anew, is delivered once, and is not counted twice', async (t) => {
  const streams = await start(t, { options: { rateLimits: { perHour: 1, perDay: 1 } } })
  const { id } = await streams.submit({ channel: 'email' })
  t.match(await streams.ended(id, 'failed'), { attempt: 4, reason: 'unavailable' })
  let tries = 0
  streams.provider.send = async (notification) => {
    if (++tries < 3) throw down
    streams.provider.sent.push(notification)
    return {}
  }
  await streams.redriving.notification('acme', id)
  await t.rejects(streams.redriving.notification('acme', id), { code: 'conflict' })
  t.match(await streams.ended(id, 'sent'), { attempt: 7, earlier_attempts: 4 })
  t.equal(streams.provider.sent.length, 1)
  t.same(await streams.attempts(id), [
    '1 retry',
    '2 retry',
    '3 retry',
    '4 failed',
    '5 retry',
    '6 retry',
    '7 sent',
  ])
  const told = streams.telemetry.lines.filter(({ event }) => event === 'notification.redriven')
  t.match(told, [{ notification_id: id, tenant_id: 'acme', channel: 'email' }])
  t.equal(told.length, 1)
})

t.test('what fails again is left alone by the rest of the rounds', async (t) => {
  const streams = await start(t)
  const sent = await Promise.all(
    Array.from({ length: 7 }, (_, n) => streams.submit({ channel: 'email', userId: `u${n}` })),
  )
  for (const { id } of sent) await streams.ended(id, 'failed')
  const filter = { ...ANY, channel: 'email' as const, until: Date.now() + 1 }
  let redriven = 0
  let cursor: string | null = null
  const remaining: number[] = []
  do {
    const round = await streams.redriving.matching('acme', filter, { limit: 3, cursor })
    redriven += round.redriven
    remaining.push(round.remaining)
    cursor = round.nextCursor
    t.same(round.refused, {})
    await streams.waitFor(
      `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM notifications WHERE status IN ('pending', 'sending'))`,
    )
  } while (cursor !== null)
  t.equal(redriven, 7)
  t.same(remaining, [4, 1, 0])
  for (const { id } of sent)
    t.match(await streams.row(id), { status: 'failed', attempt: 8, earlier_attempts: 4 })
  t.equal((await streams.redriving.matching('nobody', ANY, { limit: 10, cursor: null })).redriven, 0)
})

t.test('consent is asked again', async (t) => {
  let blocked = false
  const streams = await start(t, { recipient: () => ({ ...UNKNOWN, blocked }) })
  const { id } = await streams.submit({ channel: 'email' })
  await streams.ended(id, 'failed')
  blocked = true
  streams.mend()
  await streams.redriving.notification('acme', id)
  t.match(await streams.ended(id, 'suppressed'), { reason: 'blocked', attempt: 4 })
  t.equal(streams.provider.sent.length, 0)
})

t.test('of a chain, the last is redriven: it took the place of the others', async (t) => {
  const chain: Partial<Record<QueuedChannel, Channel>> = { sms: 'email' }
  const inChain = (channel: QueuedChannel) => ({ ...POLICY, fallbackFor: () => chain[channel] ?? null })
  const streams = await start(t, {
    options: { channels: { ...OPTIONS.channels, sms: inChain('sms'), email: inChain('email') } },
    recipient: () => ({ ...UNKNOWN, email: 'ada@example.org' }),
  })
  const { id } = await streams.submit({ channel: 'sms', metadata: { phone: '+8613800138000' } })
  const mail = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${id}'`)
  await streams.ended(mail.id, 'failed')
  await t.rejects(streams.redriving.notification('acme', id), {
    code: 'conflict',
    message: `${mail.id} has taken its place: redrive that one if it failed, too`,
  })
  streams.mend()
  t.match(await streams.redriving.matching('acme', ANY, { limit: 10, cursor: null }), { redriven: 1 })
  await streams.ended(mail.id, 'sent')
  t.match(await streams.row(id), { status: 'failed' })
  t.same(
    streams.provider.sent.map((one) => one.id),
    [mail.id],
  )
})

t.test('a text message whose outcome was not known is sent again when somebody says so', async (t) => {
  const streams = await start(t)
  streams.provider.send = () =>
    Promise.reject(new DeliveryFailure('timeout', 'no answer', { retryable: true, uncertain: true }))
  const { id } = await streams.submit({ channel: 'sms', metadata: { phone: '+8613800138000' } })
  await streams.ended(id, 'uncertain')
  streams.mend()
  await streams.redriving.notification('acme', id)
  t.match(await streams.ended(id, 'sent'), { attempt: 2 })
  t.same(await streams.attempts(id), ['1 uncertain', '2 sent'])
})

t.test('a digest comes back with everything that is in it', async (t) => {
  const daily = {
    scope: 'all',
    name: '',
    channel: 'email',
    enabled: true,
    frequency: 'daily',
  } as const
  const streams = await start(t, { recipient: () => ({ ...UNKNOWN, subscriptions: [daily] }) })
  const parts = [await streams.submit({ channel: 'email' }), await streams.submit({ channel: 'email' })]
  const ids = parts.map(({ id }) => id)
  await streams.pool.query('UPDATE notifications SET due_at = now() WHERE id = ANY($1)', [ids])
  await streams.queue.delay(ids.map((id) => ({ id, tenantId: 'acme', dueAt: Date.now() })))
  const digest = await streams.waitFor('SELECT * FROM notifications WHERE digest IS NOT NULL')
  const { content } = await streams.ended(digest.id, 'failed')
  for (const id of ids) t.match(await streams.row(id), { status: 'failed', digest_id: digest.id })
  await t.rejects(streams.redriving.notification('acme', ids[0] ?? ''), {
    code: 'conflict',
    message: `it went out with the digest ${digest.id}: redrive that one`,
  })
  streams.mend()
  t.match(await streams.redriving.matching('acme', ANY, { limit: 10, cursor: null }), { redriven: 1 })
  await streams.ended(digest.id, 'sent')
  for (const id of ids) t.match(await streams.row(id), { status: 'sent', digest_id: digest.id })
  t.equal(streams.provider.sent.length, 1, 'as one')
  t.equal(streams.provider.sent[0]?.content, content, 'and as it was rendered')
})
