import { Liquid } from 'liquidjs'
import { Failure } from '../../src/model/failure.js'
import { createRendering } from '../../src/rendering/rendering.js'
import type { Renderer } from '../../src/streams/ports.js'
import { createLog } from '../../src/telemetry/log.js'
import { createMetrics } from '../../src/telemetry/metrics.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'
import type { Figure, Measure, Pace, Round } from '../measure.js'
import { alternate, figure, RATE } from '../rounds.js'
import { TENANT } from '../stand/token.js'

interface Texts {
  readonly title: string
  readonly content: string
}

/** As the API's own example has it. */
const PLAIN = {
  title: 'Welcome to {{product_name}}',
  content: 'Hello {{user_name}}, thank you for signing up with {{product_name}}. We wish you a good start.',
}
/** With a condition, a loop and a filter. */
const RICH = {
  title: PLAIN.title,
  content: `Dear {{ user_name }},
{% if premium %}thank you for choosing {{ product_name }} Premium.{% else %}welcome.{% endif %}
Your first steps:{% for step in steps %}
  {{ forloop.index }}. {{ step }}{% endfor %}
Yours, {{ sender | upcase }}`,
}
const VARIABLES = {
  product_name: 'VoiceAssistant',
  user_name: '张三',
  premium: true,
  steps: ['Choose a voice', 'Say hello', 'Invite a friend'],
  sender: 'the team',
}
/** Texts of one call, and calls under way: as the stream has them. */
const BATCH = 200
const IN_FLIGHT = 2

/** Title and content in the threads, there and back, beside liquidjs in this one with both compiled beforehand. */
export const render: Measure = {
  name: 'render',
  async run(_stand, pace) {
    const telemetry = { log: createLog('silent'), metrics: createMetrics(), tracing: NO_TRACING }
    const rendering = createRendering(
      {
        maxOutput: 262_144,
        timeoutMs: 100,
        hardTimeoutMs: 400,
        maxWaiting: 5_000,
        currency: 'CNY',
        locale: 'en-US',
        timezone: 'Asia/Shanghai',
      },
      telemetry,
    )
    const figures = [
      await rendered('render title and content, 3 variables', PLAIN, rendering, pace, { value: 30_000 }),
      await rendered('render with condition, loop, filter', RICH, rendering, pace, {}),
    ]
    await rendering.close()
    return figures
  },
}

async function rendered(
  name: string,
  texts: Texts,
  renderer: Renderer,
  { rounds, seconds }: Pace,
  reach: Figure['reach'],
): Promise<Figure> {
  const spell = seconds / 4
  const ours = (): Promise<Round> => inThreads(renderer, texts, spell)
  const beside = (): Promise<Round> => bare(texts, spell)
  await ours()
  await beside()
  const found = await alternate(rounds, ours, beside)
  return figure(name, 'perSecond', RATE, found, { what: 'bare liquidjs', reach })
}

async function inThreads(renderer: Renderer, texts: Texts, seconds: number): Promise<Round> {
  const jobs = Array.from({ length: BATCH }, () => ({
    ...texts,
    tenantId: TENANT,
    html: false,
    variables: VARIABLES,
    locale: null,
    timezone: null,
  }))
  const began = performance.now()
  let done = 0
  const keepRendering = async (): Promise<void> => {
    while (performance.now() - began < seconds * 1000) {
      for (const result of await renderer.render(jobs)) if (result instanceof Failure) throw result
      done += BATCH
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, keepRendering))
  return { perSecond: (done * 1000) / (performance.now() - began) }
}

async function bare(texts: Texts, seconds: number): Promise<Round> {
  const engine = new Liquid({ strictVariables: true, strictFilters: true, ownPropertyOnly: true })
  const [title, content] = [engine.parse(texts.title), engine.parse(texts.content)]
  const began = performance.now()
  let done = 0
  while (performance.now() - began < seconds * 1000) {
    for (let n = 0; n < BATCH; n += 1) {
      engine.renderSync(title, VARIABLES)
      engine.renderSync(content, VARIABLES)
    }
    done += BATCH
  }
  return { perSecond: (done * 1000) / (performance.now() - began) }
}
