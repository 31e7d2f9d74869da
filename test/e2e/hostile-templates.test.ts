import t, { type Test } from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import type { Client } from '../support/client.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog } from '../support/marks.js'

/** One second is what is promised; the rest is for a machine that has other things to do. */
const SOON_MS = 5_000
const TEMPLATES = '/api/v1/templates'
const daemon = await startDaemon(t, { env: { LOG_LEVEL: 'debug', RATE_LIMIT_ENABLED: 'false' } })

const EACH = '{% for a in (1..99999) %}'
const END = '{% endfor %}'
const DOUBLE = '{% assign s = s | append: s %}'

/** What takes for ever, or all memory, unless somebody stops it. */
const HOSTILE: Readonly<Record<string, { readonly content: string; readonly variables?: JsonObject }>> = {
  'loops in loops that print nothing': { content: `${EACH}${EACH}${EACH}${END}${END}${END}` },
  'loops in loops that print': { content: `${EACH}${EACH}x${END}${END}` },
  'a range of a thousand million': { content: '{% for a in (1..1000000000) %}{% endfor %}' },
  'a range that counting never ends': {
    content: '{% for a in (100000000000000000..100000000000000016) %}{% endfor %}',
  },
  'a text that doubles': { content: `{% assign s = 'xxxxxxxx' %}${DOUBLE.repeat(60)}{{ s }}` },
  'a list that doubles': {
    content: `{% assign s = 'x,x' | split: ',' %}${'{% assign s = s | concat: s %}'.repeat(60)}{{ s.size }}`,
  },
  'a filter that takes long': {
    content: '{{ text | strip_html }}',
    variables: { text: '<script'.repeat(100_000) },
  },
}

/** Somebody whose templates are as they should be, who sends all the time. */
class Neighbour {
  readonly statuses = new Set<string>()
  #slowestMs = 0
  #enough = false
  readonly #asking: Promise<unknown>

  constructor(ask: () => Promise<string>) {
    const again = async (): Promise<void> => {
      while (!this.#enough) {
        const began = performance.now()
        this.statuses.add(await ask())
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began)
      }
    }
    this.#asking = Promise.all(Array.from({ length: 4 }, again))
  }

  /** The slowest answer since the last call, in milliseconds. */
  slowestMs(): number {
    const ms = Math.round(this.#slowestMs)
    this.#slowestMs = 0
    return ms
  }

  async stop(): Promise<void> {
    this.#enough = true
    await this.#asking
  }
}

async function saved(sender: Client, content: string): Promise<string> {
  const text = {
    tenant_id: sender.caller.tenantId,
    name: 'A template',
    channel: 'in_app',
    title: 'x',
    content,
  }
  const { status, body } = await sender.post<{ id: string }>(TEMPLATES, text)
  if (status !== 201) throw new Error(`refused with ${status}: ${JSON.stringify(body)}`)
  return body.id
}

async function timed(sender: Client, what: string, template_id: string) {
  const began = performance.now()
  const { status, problem } = await sender.send({ template_id, variables: HOSTILE[what]?.variables ?? {} })
  return { ms: performance.now() - began, status, problem }
}

/** Whoever takes too long too often has to wait. */
function checkRefused(t: Test, answers: readonly Awaited<ReturnType<typeof timed>>[]): void {
  const codes = answers.map(({ status, problem: { code } }) => `${status} ${code}`)
  const others = codes.filter((code) => code !== '400 template_invalid' && code !== '503 overloaded')
  t.same(others, [], 'all are refused')
  const slowest = Math.round(Math.max(...answers.map(({ ms }) => ms)))
  t.ok(slowest < SOON_MS, `within ${slowest} ms`)
}

t.test('what a tenant does to itself does not reach another', async (t) => {
  const sender = await daemon.sender('neighbour')
  const template_id = await saved(sender, 'Hello {{ name }}')
  const send = async () => (await sender.send({ template_id, variables: { name: 'Ada' } })).body
  t.equal((await sender.detail((await send()).id)).content, 'Hello Ada')
  const neighbour = new Neighbour(async () => (await send()).status)
  const checkNeighbour = (t: Test): void => {
    const ms = neighbour.slowestMs()
    t.ok(ms < SOON_MS, `the slowest answer to the neighbour took ${ms} ms`)
  }

  const all = await Promise.all(
    Object.entries(HOSTILE).map(async ([what, { content }], n) => {
      const sender = await daemon.sender(`hostile-${n}`)
      return { what, sender, id: await saved(sender, content) }
    }),
  )
  for (const { what, sender, id } of all) {
    await t.test(what, async (t) => {
      const first = await timed(sender, what, id)
      t.match(first, { status: 400, problem: { code: 'template_invalid', errors: [{ field: '/content' }] } })
      const more = await Promise.all(Array.from({ length: 20 }, () => timed(sender, what, id)))
      checkRefused(t, [first, ...more])
      checkNeighbour(t)
    })
  }
  await t.test('all of them at once, who are known by now', async (t) => {
    const many = all.flatMap((one) => Array.from({ length: 10 }, () => one))
    checkRefused(t, await Promise.all(many.map(({ what, sender, id }) => timed(sender, what, id))))
    checkNeighbour(t)
  })
  await neighbour.stop()
  t.same([...neighbour.statuses], ['sent'], 'all of theirs are sent')
})

t.test('what is behind a value is not shown', async (t) => {
  const sender = await daemon.sender('curious')
  const sent = async (content: string): Promise<string> => {
    const variables = { text: 'a', list: ['a'], object: { a: 1 } }
    const { status, body, problem } = await sender.send({
      template_id: await saved(sender, content),
      variables,
    })
    return status === 200 ? (await sender.detail(body.id)).content : problem.code
  }
  for (const path of ['constructor', '__proto__', 'prototype', 'toString', 'valueOf', 'hasOwnProperty']) {
    for (const name of ['text', 'list', 'object']) {
      t.equal(await sent(`{{ ${name}.${path} }}`), 'variable_missing', `${name}.${path}`)
      t.equal(await sent(`{{ ${name}['${path}'] | default: 'none' }}`), 'none', `${name}['${path}']`)
      t.equal(await sent(`{% if ${name}.${path} %}some{% else %}none{% endif %}`), 'none')
    }
  }
  t.equal(await sent('{{ object.constructor.constructor }}'), 'variable_missing')
  t.equal(await sent("{{ list | map: 'constructor' | join }}"), '')
  t.equal(await sent('{{ text | append: text.__proto__ }}'), 'variable_missing')
  t.equal(await sent('{{ object | json }}'), '{"a":1}')
})

t.test('the daemon is well', async (t) => {
  t.same((await (await daemon.sender()).get('/health')).body, { status: 'ok' })
  t.ok(daemon.lines.some(({ event }) => event === 'render.tenant_isolated'))
  checkLog(t, daemon)
})
