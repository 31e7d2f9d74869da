import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { LookupCache, type LookupCacheOptions } from '../../src/state/lookup-cache.js'
import { Gate } from '../support/waiting.js'

type Load = (missing: readonly string[]) => Promise<ReadonlyMap<string, string>>

/** A cache over a store that says what it was asked for. */
function watched(options: Partial<LookupCacheOptions<string>> = {}) {
  const store = new Map<string, string>()
  const asked: (readonly string[])[] = []
  const cache = new LookupCache<string>({ max: 100, ttlMs: 60_000, enabled: () => true, ...options })
  const load: Load = async (missing) => {
    asked.push(missing)
    return new Map([...store].filter(([key]) => missing.includes(key)))
  }
  return { cache, store, asked, find: (...keys: string[]) => cache.find(keys, load) }
}

t.test('asks once for what it does not know, and keeps also what does not exist', async (t) => {
  const { store, asked, find } = watched()
  store.set('a', 'A').set('b', 'B')
  t.same(await find('b', 'none', 'a', 'b'), ['B', undefined, 'A', 'B'])
  t.same(asked, [['b', 'none', 'a']])
  t.same(await find('a', 'none', 'b'), ['A', undefined, 'B'])
  t.same(await find(), [])
  t.equal(asked.length, 1)
})

t.test('what is forgotten is asked for anew', async (t) => {
  const { cache, store, asked, find } = watched()
  store.set('a', '1').set('b', '1')
  await find('a', 'b')
  store.set('a', '2').set('b', '2')
  cache.forget('a')
  t.same(await find('a', 'b'), ['2', '1'])
  cache.clear()
  t.same(await find('a', 'b'), ['2', '2'])
  t.same(asked, [['a', 'b'], ['a'], ['a', 'b']])
})

for (const how of ['forget', 'clear'] as const) {
  t.test(`what was under way when it was told to ${how} is answered, but not kept`, async (t) => {
    const { cache, store, asked, find } = watched()
    const gate = new Gate()
    const slow = cache.find(['a', 'b'], async () => {
      await gate.opened
      return new Map([
        ['a', 'old'],
        ['b', 'old'],
      ])
    })
    if (how === 'forget') cache.forget('a')
    else cache.clear()
    gate.open()
    t.same(await slow, ['old', 'old'])
    store.set('a', 'new').set('b', 'new')
    t.same(await find('a', 'b'), how === 'forget' ? ['new', 'old'] : ['new', 'new'])
    t.same(asked, [how === 'forget' ? ['a'] : ['a', 'b']])
  })
}

t.test('two loads of one key at once: neither is kept when it is forgotten meanwhile', async (t) => {
  const { cache, store, find } = watched()
  const gates = [new Gate(), new Gate()]
  const loads = gates.map((gate) =>
    cache.find(['a'], async () => {
      await gate.opened
      return new Map([['a', 'old']])
    }),
  )
  cache.forget('a')
  for (const gate of gates) gate.open()
  await Promise.all(loads)
  store.set('a', 'new')
  t.same(await find('a'), ['new'])
})

t.test('switched off, nothing is read from it and nothing put into it', async (t) => {
  let on = true
  const { store, asked, find } = watched({ enabled: () => on })
  store.set('a', '1').set('b', '1')
  await find('a')
  on = false
  store.set('a', '2')
  t.same(await find('a', 'b'), ['2', '1'])
  on = true
  store.set('b', '2')
  t.same(await find('b'), ['2'], 'b was not put in')
  t.equal(asked.length, 3)
})

t.test('a load that fails is repeated, and fails nobody else', async (t) => {
  const { cache, store, find } = watched()
  await t.rejects(
    cache.find(['a'], () => Promise.reject(new Error('away'))),
    /away/,
  )
  store.set('a', 'A')
  t.same(await find('a'), ['A'])
})

t.test('keeps no more than it may, and nothing for longer than it may', async (t) => {
  const few = watched({ max: 2 })
  await few.find('a', 'b')
  await few.find('a')
  await few.find('c')
  await few.find('a')
  t.equal(few.asked.length, 2, 'a was used last')
  await few.find('b')
  t.equal(few.asked.length, 3)

  const short = watched({ ttlMs: 1 })
  await short.find('a')
  const start = performance.now()
  while (performance.now() < start + 5) await turn()
  await short.find('a')
  t.equal(short.asked.length, 2)
})

t.test('a value that is heavier than all may be is not kept; the others make room by weight', async (t) => {
  const { store, asked, find } = watched({ weight: { max: 10, of: (text) => text.length } })
  store.set('huge', 'x'.repeat(10)).set('a', 'x'.repeat(4)).set('b', 'x'.repeat(4)).set('c', 'x')
  await find('huge')
  await find('huge')
  t.equal(asked.length, 2)
  await find('a', 'b')
  await find('a', 'b')
  t.equal(asked.length, 3)
  await find('c')
  await find('b')
  t.equal(asked.length, 4)
  await find('a')
  t.equal(asked.length, 5, 'a was the oldest')
})

t.test('a long key is as good as a short one, and costs no more', async (t) => {
  const { cache, store, asked, find } = watched({ max: 2_000 })
  const long = (n: number) => `${'x'.repeat(20_000)}${n}`
  store.set(long(1), '1').set(long(2), '2')
  t.same(await find(long(1), 'a', long(2)), ['1', undefined, '2'])
  t.same(await find(long(2), long(1)), ['2', '1'])
  t.same(asked, [[long(1), 'a', long(2)]])
  store.set(long(1), 'new')
  cache.forget(long(1))
  t.same(await find(long(1), long(2)), ['new', '2'])
  const odd = ['\ud800', '\ud801'].map((half) => half.repeat(300))
  t.same(await find(...odd), [undefined, undefined])
  t.equal(asked.at(-1)?.length, 2)
  await find(...odd)
  t.equal(asked.length, 3, 'what UTF-8 cannot spell is told apart')

  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  const used = (): number => {
    if (typeof collect === 'function') collect()
    return process.memoryUsage().heapUsed
  }
  const before = used()
  for (let n = 0; n < 2_000; n += 1) await cache.find([long(n)], async () => new Map())
  t.ok(used() - before < 10_000_000, 'not 40 MB')
  await cache.find(['end'], async () => new Map())
})

const key = fc.constantFrom('a', 'b', 'c')
const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), key }),
  fc.record({ kind: fc.constant('find' as const), keys: fc.array(key, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('finish' as const) }),
  fc.record({ kind: fc.constant('gap' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

t.test('whatever happens in whatever order, nothing older than the last change is given', async (t) => {
  const held = async (steps: readonly Step[]) => {
    const versions = new Map<string, string>()
    const gates: Gate[] = []
    const finds: Promise<boolean>[] = []
    let listening = true
    const cache = new LookupCache<string>({ max: 2, ttlMs: 60_000, enabled: () => listening })
    const current = (name: string): string => versions.get(name) ?? ''
    /** Reads the store at once, as a statement does, and answers when the gate opens. */
    const slowly: Load = async (missing) => {
      const read = new Map(missing.map((name) => [name, current(name)]))
      const gate = new Gate()
      gates.push(gate)
      await gate.opened
      return read
    }
    const find = async (names: readonly string[]): Promise<boolean> => {
      const before = names.map(current)
      const found = await cache.find(names, slowly)
      return before.every((version, index) => version <= (found[index] ?? ''))
    }
    for (const [index, one] of steps.entries()) {
      if (one.kind === 'find') finds.push(find(one.keys))
      else if (one.kind === 'write') {
        versions.set(one.key, `v${String(index).padStart(3, '0')}`)
        // While nothing is heard, nothing is forgotten.
        if (listening) cache.forget(one.key)
      } else if (one.kind === 'gap') {
        listening = !listening
        cache.clear()
      } else {
        gates.shift()?.open()
        await turn()
      }
    }
    for (const gate of gates) gate.open()
    await turn()
    finds.push(find(['a', 'b', 'c']))
    await turn()
    gates.at(-1)?.open()
    return (await Promise.all(finds)).every((fresh) => fresh)
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), held), { numRuns: 500 })
  t.pass()
})
