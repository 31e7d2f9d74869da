import { Liquid } from 'liquidjs'
import { createRenderer } from '../../src/streams/liquid.js'
import { aNotification } from '../load/notification.js'
import type { Figure, Measure, Pace, Round } from '../measure.js'
import { alternate, figure, RATE } from '../rounds.js'

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
const BETWEEN_LOOKS_AT_THE_CLOCK = 200

/** Title and content, with their check and their cache, beside liquidjs with both compiled beforehand. */
export const render: Measure = {
  name: 'render',
  async run(_stand, pace) {
    return [
      await rendered('render title and content, 3 variables', PLAIN, pace, { value: 30_000 }),
      await rendered('render with condition, loop, filter', RICH, pace, {}),
    ]
  },
}

async function rendered(
  name: string,
  texts: { readonly title: string; readonly content: string },
  { rounds, seconds }: Pace,
  reach: Figure['reach'],
): Promise<Figure> {
  const renderer = createRenderer({ maxOutput: 262_144, timeoutMs: 100 })
  const notification = aNotification({ ...texts, variables: VARIABLES })
  const engine = new Liquid({ strictVariables: true, strictFilters: true, ownPropertyOnly: true })
  const [title, content] = [engine.parse(texts.title), engine.parse(texts.content)]
  const ours = (): unknown => renderer.render(notification)
  const bare = (): unknown => [engine.renderSync(title, VARIABLES), engine.renderSync(content, VARIABLES)]

  const spell = seconds / 4
  await timed(ours, spell)
  await timed(bare, spell)
  const found = await alternate(
    rounds,
    () => timed(ours, spell),
    () => timed(bare, spell),
  )
  return figure(name, 'perSecond', RATE, found, { what: 'bare liquidjs', reach })
}

async function timed(work: () => unknown, seconds: number): Promise<Round> {
  const began = performance.now()
  let done = 0
  let elapsed = 0
  while (elapsed < seconds * 1000) {
    for (let n = 0; n < BETWEEN_LOOKS_AT_THE_CLOCK; n += 1) work()
    done += BETWEEN_LOOKS_AT_THE_CLOCK
    elapsed = performance.now() - began
  }
  return { perSecond: (done * 1000) / elapsed }
}
