import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { aJob, aRendering, failure, OPTIONS, PATIENT, rendered } from './support.js'

t.test('jobs of one call', async (t) => {
  const { rendering } = aRendering(t, PATIENT)

  t.test('the first one waits for the thread to start', async (t) => {
    t.same(await rendered(rendering, { title: 'Hi {{ name }}' }), { title: 'Hi Zoë', content: 'Hello Zoë' })
  })

  t.test('answers are in the order of the jobs, and a failure harms no other', async (t) => {
    const results = await rendering.render([
      aJob({ tenantId: 'a' }),
      aJob({ tenantId: 'b', content: '{{ nmae }}' }),
      aJob({ tenantId: 'a', content: 'no variables' }),
      aJob({ tenantId: 'a', content: '{% if %}' }),
      aJob({ tenantId: 'c', variables: { name: 'Bo' } }),
    ])
    t.same(
      results.map((result) => (result instanceof Failure ? result.code : result.content)),
      ['Hello Zoë', 'variable_missing', 'no variables', 'template_invalid', 'Hello Bo'],
    )
  })

  t.test('many jobs of many texts', async (t) => {
    const jobs = Array.from({ length: 1_200 }, (_, n) =>
      aJob({ tenantId: `t${n % 7}`, content: `${n % 5} {{ name }}`, variables: { name: `${n}` } }),
    )
    const results = await rendering.render(jobs)
    t.same(
      results.map((result) => (result instanceof Failure ? result.message : result.content)),
      jobs.map((_, n) => `${n % 5} ${n}`),
    )
  })

  t.test('a failure names its field', async (t) => {
    const title = await failure(rendering, { title: '{{ x.y }}', variables: { x: {} } })
    t.equal(title.message, '/title uses the variable "x.y", which has no value')
    t.same(title.errors, [{ field: '/variables/x/y', message: 'is required by the text' }])
    const content = await failure(rendering, { content: 'a\n{{ a | nope }}' })
    t.equal(content.message, '/content line 2, column 1: undefined filter: nope')
    t.same(content.errors, [{ field: '/content', message: 'line 2, column 1: undefined filter: nope' }])
    const odd = await failure(rendering, { content: '{{ a["b/c~d"] }}', variables: { a: {} } })
    t.same(odd.errors[0]?.field, '/variables/a/b~1c~0d')
  })

  t.test('a title is one line of at most 255 characters', async (t) => {
    t.equal(
      (await rendered(rendering, { title: '{{ a }}', variables: { a: 'x\r\ny', name: '' } })).title,
      'x y',
    )
    t.equal(
      (await rendered(rendering, { title: 'x\ny', content: 'z' })).title,
      'x y',
      'without variables, too',
    )
    t.equal(
      (await rendered(rendering, { title: '{{ name }}', variables: { name: 'x'.repeat(255) } })).title.length,
      255,
    )
    const long = await failure(rendering, { title: '{{ name }}', variables: { name: 'x'.repeat(256) } })
    t.same(long.errors, [{ field: '/title', message: 'must be at most 255 characters once rendered' }])
  })

  t.test('a title is never HTML', async (t) => {
    const job = { title: '{{ name }}', content: '{{ name }}', html: true, variables: { name: '<&>' } }
    t.same(await rendered(rendering, job), { title: '<&>', content: '&lt;&amp;&gt;' })
    t.same(await rendered(rendering, { ...job, html: false }), { title: '<&>', content: '<&>' })
  })

  t.test('locale and zone are those of the job', async (t) => {
    const content = "{{ 1234.5 | number }} {{ '2026-03-01T17:30Z' | date: '%H:%M' }}"
    const here = await rendered(rendering, { content, locale: 'de', timezone: 'Europe/Berlin' })
    t.equal(here.content, '1.234,5 18:30')
    t.equal(
      (await rendered(rendering, { content })).content,
      '1,234.5 01:30',
      'or those of the configuration',
    )
  })

  t.test('what the ledger cannot store is refused', async (t) => {
    t.match(await failure(rendering, { content: "{{ '%00' | url_decode }}" }), { code: 'validation_failed' })
    t.match(
      await failure(rendering, { content: '{{ x | slice: 0 }}{{ x | first }}', variables: { x: '\ud800' } }),
      {
        code: 'validation_failed',
      },
    )
  })

  t.test('plain texts need no thread, and are as they were', async (t) => {
    const text = { title: 'a } b {', content: '{ x } \u{1f600}\n' }
    t.same(await rendered(rendering, text), text)
    t.same(await rendering.render([]), [])
  })

  t.test('texts are looked at before they are saved', async (t) => {
    const reports = await rendering.inspect('acme', [
      { field: '/title', source: 'Order {{ order.id }}' },
      { field: '/variants/0/content', source: 'a\n {% nope %}' },
      { field: '/content', source: 'plain' },
    ])
    t.same(reports[0], { variables: ['order'], failure: null })
    t.same(reports[1]?.variables, [])
    t.equal(reports[1]?.failure?.message, '/variants/0/content line 2, column 2: tag "nope" not found')
    t.same(reports[2], { variables: [], failure: null })
    t.same(await rendering.inspect('acme', []), [])
  })
})

t.test('output above the limit is refused', async (t) => {
  const { rendering } = aRendering(t, { ...PATIENT, maxOutput: 2_000 })
  const of = (length: number) => ({ content: '{{ name }}', variables: { name: 'x'.repeat(length) } })
  t.equal((await rendered(rendering, of(2_000))).content.length, 2_000)
  const long = await failure(rendering, of(2_001))
  t.same(long.errors, [{ field: '/content', message: 'must be at most 2000 characters once rendered' }])
})

t.test('more than may wait is refused, and none of it is done by halves', async (t) => {
  const { rendering, metrics } = aRendering(t, { maxWaiting: 3 })
  const waiting = async (): Promise<number | undefined> =>
    (await metrics.renderWaiting.get()).values[0]?.value
  const first = rendering.render([aJob(), aJob()])
  t.equal(await waiting(), 2)
  const refused = await rendering.render([aJob(), aJob(), aJob({ content: 'plain' })])
  t.match(refused, [
    { code: 'overloaded', retryAfterMs: 1_000 },
    { code: 'overloaded' },
    { content: 'plain' },
  ])
  const [report] = await rendering.inspect('acme', [{ field: '/title', source: '{{ a }}' }])
  t.same(report?.variables, ['a'], 'one more fits')
  t.match(await first, [{ content: 'Hello Zoë' }, { content: 'Hello Zoë' }])
  t.equal(await waiting(), 0)
})

t.test('closing refuses what is not done, and what comes afterwards', async (t) => {
  const { rendering, lines } = aRendering(t)
  await rendered(rendering, {})
  const under = rendering.render(Array.from({ length: 600 }, () => aJob()))
  await rendering.close()
  const results = await under
  t.equal(results.length, 600)
  for (const result of results.slice(-100)) t.match(result, { code: 'shutting_down' })
  t.match(await failure(rendering, {}), { code: 'shutting_down', retryAfterMs: 1_000 })
  t.same(lines, [], 'which is nobody’s fault')
  t.same(await rendered(rendering, { content: 'plain' }), { title: 'Hello', content: 'plain' })
  await rendering.close()
})

t.test('options', async (t) => {
  const { rendering } = aRendering(t, { ...PATIENT, currency: 'EUR', locale: 'de', timezone: 'UTC' })
  t.equal(OPTIONS.currency, 'CNY')
  const content = "{{ 5 | currency }} {{ '2026-03-01T17:30Z' | date: '%H:%M' }}"
  t.equal((await rendered(rendering, { content })).content, '5,00\u00a0€ 17:30')
})
