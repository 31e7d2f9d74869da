import t from 'tap'
import { Turns } from '../../../src/state/postgres/turns.js'

const KB = 1_024
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Work that ends when a test says so. */
function work() {
  const begun: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  return {
    begun,
    end: (name: string, error?: Error) => ends.get(name)?.(error),
    of: (name: string) => () =>
      new Promise<string>((resolve, reject) => {
        begun.push(name)
        ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)))
      }),
  }
}

t.test('a few at a time, in order, and one that fails makes room', async (t) => {
  const turns = new Turns({ atOnce: 2, waitingBytes: 1_000 * KB, waitingMs: 60_000 })
  const { begun, of, end } = work()
  const take = (name: string) => turns.take(KB, of(name))
  const [a, b, c, d] = [take('a'), take('b'), take('c'), take('d')] as const
  t.same(begun, ['a', 'b'])
  end('b')
  t.equal(await b, 'b')
  await nextTurn()
  t.same(begun, ['a', 'b', 'c'])
  const lost = new Error('lost')
  end('a', lost)
  await t.rejects(a, lost)
  end('c')
  await c
  t.same(begun, ['a', 'b', 'c', 'd'])
  end('d')
  await d
  const [e, f, g] = [take('e'), take('f'), take('g')] as const
  t.same(begun.slice(4), ['e', 'f'], 'as many as at first')
  for (const name of ['e', 'f']) end(name)
  await Promise.all([e, f])
  end('g')
  await g
})

t.test('too much is turned away, and may come again', async (t) => {
  const turns = new Turns({ atOnce: 1, waitingBytes: 100 * KB, waitingMs: 60_000 })
  const { of, end } = work()
  const first = turns.take(KB, of('first'))
  const large = turns.take(500 * KB, of('large'))
  const refused = { code: 'overloaded', retryAfterMs: 1_000 }
  await t.rejects(turns.take(1, of('more')), refused)
  end('first')
  await first
  await nextTurn()
  const next = turns.take(60 * KB, of('next'))
  await t.rejects(turns.take(60 * KB, of('more')), refused)
  end('large')
  await large
  end('next')
  await next
})

t.test('nobody waits for ever', async (t) => {
  const turns = new Turns({ atOnce: 1, waitingBytes: 100 * KB, waitingMs: 20 })
  const { begun, of, end } = work()
  const first = turns.take(KB, of('first'))
  await t.rejects(turns.take(KB, of('second')), { code: 'overloaded' })
  end('first')
  await first
  const third = turns.take(KB, of('third'))
  t.same(begun, ['first', 'third'])
  end('third')
  await third
})
