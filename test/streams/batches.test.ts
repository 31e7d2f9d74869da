import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { from, Subject } from 'rxjs'
import t from 'tap'
import { type Group, inBatches, inGroups } from '../../src/streams/batches.js'
import type { Batch, Envelope } from '../../src/streams/envelope.js'
import { anEnvelope } from '../support/envelope.js'

t.test('groups what arrived while earlier groups were being worked on', async (t) => {
  const source = new Subject<number>()
  const groups: Group<number>[] = []
  source.pipe(inGroups({ size: 3, inFlight: 1 })).subscribe((group) => groups.push(group))
  source.next(1)
  await turn()
  for (const n of [2, 3, 4, 5]) source.next(n)
  await turn()
  t.same(
    groups.map((g) => g.items),
    [[1]],
    'nothing more while the first is being worked on',
  )
  groups[0]?.done()
  groups[0]?.done()
  await turn()
  t.same(
    groups.map((g) => g.items),
    [[1], [2, 3, 4]],
    'done counts once',
  )
  groups[1]?.done()
  await turn()
  t.same(
    groups.map((g) => g.items),
    [[1], [2, 3, 4], [5]],
  )
})

t.test('completes only when the source has and every group is done', async (t) => {
  const groups: Group<number>[] = []
  let completed = false
  from([1, 2])
    .pipe(inGroups({ size: 1, inFlight: 2 }))
    .subscribe({ next: (group) => groups.push(group), complete: () => (completed = true) })
  await turn()
  groups[0]?.done()
  await turn()
  t.notOk(completed)
  groups[1]?.done()
  await turn()
  t.ok(completed)
})

t.test('every item comes out once and in order, never above the limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      async (bursts, size, inFlight) => {
        const source = new Subject<number>()
        const seen: number[] = []
        const open: Group<number>[] = []
        let most = 0
        let finished = false
        source.pipe(inGroups({ size, inFlight })).subscribe({
          next: (group) => {
            seen.push(...group.items)
            open.push(group)
            most = Math.max(most, open.length)
            if (group.items.length > size) throw new Error('too large')
          },
          complete: () => (finished = true),
        })
        let n = 0
        for (const burst of bursts) {
          for (let i = 0; i < burst; i++) source.next(n++)
          await turn()
          if (burst !== 1) open.shift()?.done()
        }
        source.complete()
        await turn()
        while (open.length > 0) {
          open.shift()?.done()
          await turn()
        }
        return finished && most <= inFlight && seen.length === n && seen.every((value, i) => value === i)
      },
    ),
    { numRuns: 50 },
  )
})

t.test('a batch makes room when each of its envelopes is settled', async (t) => {
  const source = new Subject<Envelope>()
  const batches: Batch[] = []
  source.pipe(inBatches({ size: 10, inFlight: 1, waiting: 2 })).subscribe((batch) => batches.push(batch))
  const [a, b, c, d, e] = Array.from({ length: 5 }, () => anEnvelope())
  if (!a || !b || !c || !d || !e) throw new Error('unreachable')
  source.next(a)
  source.next(b)
  await turn()
  for (const envelope of [c, d, e]) source.next(envelope)
  t.match(
    e.settlements,
    [{ kind: 'refused', failure: { code: 'overloaded', retryAfterMs: 1_000 } }],
    'no room to wait',
  )
  const settled = { kind: 'accepted', acceptance: null } as never
  batches[0]?.[0]?.envelope.settle(settled)
  await turn()
  t.equal(batches.length, 1)
  batches[0]?.[1]?.envelope.settle(settled)
  await turn()
  t.same(
    batches[1]?.map((item) => item.notification.id),
    [c.notification.id, d.notification.id],
  )
})

t.test('one tenant that sends a great deal leaves room and turns to the others', async (t) => {
  const source = new Subject<Envelope>()
  const batches: Batch[] = []
  source.pipe(inBatches({ size: 4, inFlight: 1, waiting: 20 })).subscribe((batch) => batches.push(batch))
  const first = anEnvelope({ tenantId: 'large' })
  source.next(first)
  await turn()
  const large = Array.from({ length: 21 }, () => anEnvelope({ tenantId: 'large' }))
  for (const envelope of large) source.next(envelope)
  t.match(large.at(-1)?.settlements, [{ kind: 'refused', failure: { code: 'overloaded' } }])
  const small = [anEnvelope({ tenantId: 'small' }), anEnvelope({ tenantId: 'small' })]
  for (const envelope of small) source.next(envelope)
  const third = anEnvelope({ tenantId: 'third' })
  source.next(third)
  t.match(third.settlements, [{ kind: 'refused' }], 'a tenth above the limit it is full for all')
  const urgent = anEnvelope({ tenantId: 'large', priority: 'critical' })
  batches[0]?.[0]?.envelope.settle({ kind: 'accepted', acceptance: null } as never)
  await turn()
  t.same(
    batches[1]?.map((item) => item.notification.id),
    [large[0], large[1], small[0], small[1]].map((envelope) => envelope?.notification.id),
  )
  source.next(urgent)
  for (const item of batches[1] ?? []) item.envelope.settle({ kind: 'accepted', acceptance: null } as never)
  await turn()
  t.ok(
    batches[2]?.some((item) => item.notification.id === urgent.notification.id),
    'critical ones at once',
  )
})
