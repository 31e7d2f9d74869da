import t from 'tap'
import type { Notification } from '../../src/model/notification.js'
import { MemoryPacer } from '../../src/state/memory/pacer.js'
import { unjudged } from '../../src/streams/envelope.js'
import { pacing } from '../../src/streams/pace.js'
import type { Pacer } from '../../src/streams/ports.js'
import { anEnvelope } from '../support/envelope.js'
import { runningStreams } from '../support/streams.js'
import { recordedTelemetry } from '../support/telemetry.js'

const MINUTE = 60_000
const NOW = 30_000_000 * MINUTE + 1_000
const NEXT = NOW - 1_000 + MINUTE
const HOOK = { metadata: { webhook_url: 'https://hooks.example.org/a' } }

function paced(pacer: Pacer = new MemoryPacer(), now = NOW) {
  const telemetry = recordedTelemetry()
  const stage = pacing(pacer, new Map([['webhook', 2]]), { now: () => now }, telemetry)
  const subjects = (changes: readonly Partial<Notification>[]) =>
    changes.map((change) => unjudged(anEnvelope(change)))
  return {
    telemetry,
    concerns: (change: Partial<Notification>) => subjects([change]).every(stage.concerns),
    verdicts: (...changes: Partial<Notification>[]) => stage.check(subjects(changes)),
  }
}

t.test('what goes beyond the pace of one URL is deferred, each to a place of its own', async (t) => {
  const { verdicts } = paced()
  const found = await verdicts(
    HOOK,
    HOOK,
    HOOK,
    { metadata: { webhook_url: 'https://hooks.example.org/b' } },
    HOOK,
  )
  t.same(found, [
    { kind: 'pass' },
    { kind: 'pass' },
    { kind: 'defer', until: NEXT, reason: 'pace' },
    { kind: 'pass' },
    { kind: 'defer', until: NEXT + MINUTE / 2, reason: 'pace' },
  ])
})

t.test('spellings of one URL share its pace, tenants do not', async (t) => {
  const { verdicts } = paced()
  const spellings = [
    'https://HOOKS.example.org:443/a',
    'https://hooks.example.org/a#1',
    ' https://hooks.example.org/a',
  ]
  const found = await verdicts(...spellings.map((webhook_url) => ({ metadata: { webhook_url } })))
  t.same(
    found.map(({ kind }) => kind),
    ['pass', 'pass', 'defer'],
  )
  t.same(await verdicts({ ...HOOK, tenantId: 'other' }), [{ kind: 'pass' }])
})

t.test('whom it concerns', async (t) => {
  const { concerns } = paced()
  t.equal(concerns(HOOK), true)
  t.equal(concerns({ ...HOOK, priority: 'critical' }), false)
  t.equal(concerns({ channel: 'email', metadata: { email: 'ada@example.org' } }), false)
  const waited = (deferredUntil: number, deferredFor = 'pace') => ({ ...HOOK, deferredFor, deferredUntil })
  t.equal(concerns(waited(NOW - 1_000)), false, 'it comes to its place')
  t.equal(concerns(waited(NOW - MINUTE)), true, 'after an outage its place is lost')
  t.equal(concerns(waited(NOW - 1_000, 'scheduled')), true)
  t.equal(
    concerns({ ...HOOK, deferredFor: 'unavailable', deferredUntil: null }),
    true,
    'a retry goes to the URL, too',
  )
})

t.test('while the pacer is away everything passes, and it is logged', async (t) => {
  const { verdicts, telemetry } = paced({ reserve: async () => Promise.reject(new Error('away')) })
  t.same(await verdicts(HOOK, HOOK, HOOK), [{ kind: 'pass' }, { kind: 'pass' }, { kind: 'pass' }])
  t.match(telemetry.lines, [{ event: 'queue.unavailable', stage: 'pace', items: 3 }])
})

t.test('what has waited for its place does not count against its recipient twice', async (t) => {
  const { submit, pool, queue, ended } = await runningStreams(t, async () => ({}), {
    options: {
      rateLimits: { perHour: 3, perDay: 10 },
      channelLimits: new Map([['webhook', 3]]),
      paces: new Map([['webhook', 1]]),
    },
  })
  const all = await Promise.all([submit(), submit(), submit()])
  t.equal(all.filter(({ reason }) => reason === 'pace').length, 2)
  const { rows } = await pool.query(
    `UPDATE notifications SET due_at = now() WHERE reason = 'pace' RETURNING id`,
  )
  await queue.delay(rows.map(({ id }) => ({ id, tenantId: 'acme', dueAt: Date.now() - 1_000 })))
  for (const { id } of all) t.match(await ended(id, 'sent'), { reason: null })
})
