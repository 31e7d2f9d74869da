import fc from 'fast-check'
import t from 'tap'
import type { Job } from '../../src/rendering/job.js'
import { pack } from '../../src/rendering/pack.js'
import type { Work } from '../../src/rendering/work.js'

const PACE = { budgetMs: 100, slowMs: 2, final: false }
const text = fc.oneof(fc.constantFrom('{{ a }}', '{{ b }}', ''), fc.string({ unit: 'binary' }))
const job: fc.Arbitrary<Job> = fc.oneof(
  fc.record({ tenantId: fc.constantFrom('a', 'b', '__proto__'), source: text }),
  fc.record({
    tenantId: fc.constantFrom('a', 'b'),
    title: fc.option(text),
    content: fc.option(text),
    html: fc.boolean(),
    locale: fc.option(fc.constantFrom('en', 'zh-CN')),
    timezone: fc.option(fc.constantFrom('UTC')),
    variables: fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value))),
  }),
)

function read(written: string): readonly unknown[] {
  const { strings, tasks }: Work = JSON.parse(written)
  const at = (index: number | null): string | null => (index === null ? null : (strings[index] ?? null))
  return tasks.map((task) => {
    if (task.length === 2) return { source: at(task[1]) }
    const [, title, content, html, locale, timezone, variables] = task
    return {
      title: at(title),
      content: at(content),
      html: html === 1,
      locale: at(locale),
      timezone: at(timezone),
      variables,
    }
  })
}

const ofTenant = ({ tenants }: { tenants: readonly number[] }, n: number): number | undefined => tenants[n]

t.test('what is packed is what comes out, in order', async () => {
  fc.assert(
    fc.property(fc.array(job, { maxLength: 20 }), (jobs) => {
      const packs = pack(jobs)
      const out = packs.flatMap((some) => read(some.write(PACE)))
      const wanted = jobs.map(({ tenantId: _, ...rest }) => JSON.parse(JSON.stringify(rest)))
      t.same(out, wanted)
      t.same(
        packs.flatMap((some) => some.jobs),
        jobs,
      )
    }),
    { numRuns: 200 },
  )
})

t.test('jobs of one tenant are told apart from those of others', async () => {
  fc.assert(
    fc.property(fc.array(job, { minLength: 1, maxLength: 20 }), (jobs) => {
      const [some] = pack(jobs)
      const { tasks }: Work = JSON.parse(some?.write(PACE) ?? '')
      const tenants = tasks.map(([tenant]) => tenant)
      for (const [n, one] of jobs.entries())
        for (const [m, other] of jobs.entries())
          t.equal(ofTenant({ tenants }, n) === ofTenant({ tenants }, m), one.tenantId === other.tenantId)
    }),
    { numRuns: 20 },
  )
})

t.test('a text that many jobs share is written once', async (t) => {
  const source = `{{ a }}${'x'.repeat(1_000)}`
  const [some] = pack(Array.from({ length: 100 }, () => ({ tenantId: 'a', source })))
  t.ok((some?.write(PACE).length ?? 0) < 3_000)
})

t.test('packs are limited in number and in size', async (t) => {
  const small = Array.from({ length: 600 }, () => ({ tenantId: 'a', source: '{{ a }}' }))
  t.same(
    pack(small).map(({ jobs }) => jobs.length),
    [250, 250, 100],
  )
  const large = Array.from({ length: 5 }, (_, n) => ({
    tenantId: 'a',
    source: `${n}${'x'.repeat(1_100_000)}`,
  }))
  t.same(
    pack(large).map(({ jobs }) => jobs.length),
    [2, 2, 1],
  )
  t.same(pack([]), [])
})
