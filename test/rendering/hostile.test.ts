import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import type { JsonObject } from '../../src/model/json.js'
import { aJob, aRendering, failure, HANGING, PATIENT, rendered } from './support.js'

t.setTimeout(120_000)

/** What each text is stopped by. None may end the process, none may be rendered. */
const ENOUGH: Record<string, { text: string; variables?: JsonObject; stopped: RegExp }> = {
  'a range of a hundred million': {
    text: '{% for i in (1..100000000) %}{% endfor %}',
    stopped: /takes more memory/,
  },
  'a range beyond 2^53, where adding one changes nothing': {
    text: '{% for i in (100000000000000000..100000000000000016) %}{% endfor %}',
    stopped: /the ends of a range must be smaller than 2\^53/,
  },
  'the same in an index, from variables': {
    text: '{{ a[(from..to)] }}',
    variables: { a: [], from: 1e17, to: '100000000000000016' },
    stopped: /the ends of a range/,
  },
  'loops in loops': {
    text: '{% for a in (1..9999) %}{% for b in (1..9999) %}{% for c in (1..9999) %}{{ c }}{% endfor %}{% endfor %}{% endfor %}',
    stopped: /takes longer than|takes more memory|at most/,
  },
  'a loop without a body': {
    text: '{% for a in (1..900) %}{% for b in (1..900) %}{% for c in (1..900) %}{% endfor %}{% endfor %}{% endfor %}',
    stopped: /takes longer than 100 ms|takes more memory/,
  },
  'a string that doubles': {
    text: "{% assign a = 'x' %}{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}",
    stopped: /takes more memory/,
  },
  'captured text that doubles': {
    text: "{% assign a = 'x' %}{% for i in (1..24) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}",
    stopped: /takes more memory/,
  },
  'an array that holds itself twice, and again': {
    text: "{% assign a = 'x' | split: ',' %}{% for i in (1..60) %}{% assign a = a | push: a %}{% endfor %}{{ a }}",
    stopped: /takes more memory/,
  },
  'the same by another road': {
    text: "{% assign a = 'x' | split: ',' %}{% for i in (1..60) %}{% assign a = a | group_by: 'x' | map: 'items' | concat: a %}{% endfor %}{{ a | join }}",
    stopped: /takes more memory|takes longer/,
  },
  'a replacement for every character': {
    text: "{{ big | replace: '', big }}",
    variables: { big: 'x'.repeat(100_000) },
    stopped: /takes more memory/,
  },
  'a huge split, again and again': {
    text: "{% for i in (1..99) %}{% assign x = big | split: '' %}{% endfor %}",
    variables: { big: 'x'.repeat(200_000) },
    stopped: /takes more memory/,
  },
  'a date as wide as a book': {
    text: "{{ 'now' | date: '%100000000d' }}",
    stopped: /takes more memory/,
  },
  'output above the limit': {
    text: '{% for i in (1..9999) %}{{ big }}{% endfor %}',
    variables: { big: 'x'.repeat(1_000) },
    stopped: /must be at most 262144 characters|takes longer/,
  },
  'more tags than anybody needs': {
    text: '{{ a }}'.repeat(10_001),
    variables: { a: 1 },
    stopped: /has more than 50000 characters in its tags/,
  },
  'more lines in a tag than anybody needs': {
    text: `{% liquid\n${'echo a\n'.repeat(70_000)}%}`,
    variables: { a: 1 },
    stopped: /has more than 50000 characters in its tags/,
  },
  'tags that are never closed': {
    text: '{{'.repeat(200_000),
    stopped: /not closed/,
  },
  'brackets in brackets': {
    text: `{{ a${'[a'.repeat(16_000)}${']'.repeat(16_000)} }}`,
    stopped: /is nested too deeply|takes longer/,
  },
  'a text as long as a body may be': {
    text: `{{ a }}${'x'.repeat(1_000_000)}`,
    stopped: /is too long/,
  },
  'the constructor of a value': {
    text: '{{ x.constructor.constructor }}',
    variables: { x: 'x' },
    stopped: /uses the variable "x.constructor", which has no value/,
  },
  'a file': {
    text: "{% include '/etc/passwd' %}",
    stopped: /tag "include" not found/,
  },
  'one tag that takes half a minute': {
    text: HANGING,
    stopped: /takes longer than 400 ms to render/,
  },
}

t.test('texts that ask for too much are stopped', async (t) => {
  const { rendering } = aRendering(t)
  for (const [name, { text, variables = {}, stopped }] of Object.entries(ENOUGH)) {
    const stop = await failure(rendering, { tenantId: name, content: text, variables })
    t.match(stop.message, stopped, name)
  }
  t.equal((await rendered(rendering, {})).content, 'Hello Zoë', 'and the service goes on')
})

t.test('what looks alike and asks for little is rendered', async (t) => {
  const { rendering } = aRendering(t, PATIENT)
  const content = async (text: string, variables: JsonObject = {}): Promise<string> =>
    (await rendered(rendering, { content: text, variables })).content
  t.equal(await content('{% for i in (1..3) %}{{ i }}{% endfor %}{{ (2..4) | join }}'), '1232 3 4')
  t.equal(await content('{% for i in (a..b) reversed %}{{ i }}{% endfor %}', { a: '1', b: 2 }), '21')
  t.equal(await content('{% capture a %}x{{ b }}{% endcapture %}{{ a }}{{ a }}', { b: 1 }), 'x1x1')
  t.equal(
    await content("{{ 'a,b' | split: ',' | push: 'c' | concat: d | join: '-' }}", { d: ['e'] }),
    'a-b-c-e',
  )
  t.equal((await content('{% for i in (1..20000) %}x{% endfor %}')).length, 20_000)
})

t.test('tags in tags go as deep as the stack does, which no two runs agree on', async (t) => {
  const { rendering } = aRendering(t, PATIENT)
  const content = `${'{% if a %}'.repeat(2_300)}x${'{% endif %}'.repeat(2_300)}`
  const [result] = await rendering.render([aJob({ content, variables: { a: 1 } })])
  t.match(
    result instanceof Failure ? result.message : result?.content,
    /^x$|is nested too deeply|takes longer/,
  )
  t.equal((await rendered(rendering, { tenantId: 'other' })).content, 'Hello Zoë')
})

t.test('a tenant whose text hangs is stopped, and the others go on', async (t) => {
  const { rendering, lines, metrics } = aRendering(t)
  await rendered(rendering, {})
  const results = await rendering.render([
    aJob({ tenantId: 'good' }),
    aJob({ tenantId: 'evil', title: HANGING }),
    aJob({ tenantId: 'other' }),
  ])
  const texts = results.map((result) => (result instanceof Failure ? result.message : result.content))
  t.same(texts, ['Hello Zoë', '/title takes longer than 400 ms to render', 'Hello Zoë'])
  t.same(
    lines.map(({ event, tenant_id, reason }) => ({ event, tenant_id, reason })),
    [
      { event: 'render.worker_killed', tenant_id: 'evil', reason: 'timeout' },
      { event: 'render.tenant_isolated', tenant_id: 'evil', reason: 'timeout' },
      { event: 'render.worker_killed', tenant_id: 'evil', reason: 'timeout' },
    ],
  )
  t.notMatch(JSON.stringify(lines), 'sum:', 'no text is logged')
  const killed = await metrics.renderKilled.get()
  t.equal(killed.values[0]?.value, 2)

  t.test('its innocent texts are rendered still', async (t) => {
    t.equal((await rendered(rendering, { tenantId: 'evil' })).content, 'Hello Zoë')
  })

  t.test('while it hangs again, others wait for nothing', async (t) => {
    let over = false
    const hanging = rendering.render([aJob({ tenantId: 'evil', content: HANGING })]).finally(() => {
      over = true
    })
    t.equal((await rendered(rendering, { tenantId: 'good' })).content, 'Hello Zoë')
    t.equal(over, false)
    t.match(await hanging, [{ code: 'template_invalid' }])
  })

  t.test('it is refused when it has had its share of time', async (t) => {
    const jobs = Array.from({ length: 20 }, () => aJob({ tenantId: 'evil', content: HANGING }))
    const results = await rendering.render(jobs)
    const [last] = results.slice(-1)
    t.match(last, { code: 'overloaded' })
    t.ok(last instanceof Failure && last.retryAfterMs !== null && last.retryAfterMs >= 1_000)
    t.equal((await rendered(rendering, { tenantId: 'good' })).content, 'Hello Zoë')
  })
})
