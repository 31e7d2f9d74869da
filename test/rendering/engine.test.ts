import t from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { complaintOf } from '../../src/rendering/complaints.js'
import { Engine } from '../../src/rendering/engine.js'
import type { Complaint } from '../../src/rendering/work.js'
import { OPTIONS } from './support.js'

const engine = new Engine(OPTIONS, 'plain')
const NOWHERE = { locale: null, timezone: null }
const render = (source: string, variables: JsonObject = {}): string =>
  engine.render(source, variables, NOWHERE)

function complaint(source: string, work: (source: string) => unknown): Complaint {
  try {
    work(source)
  } catch (error) {
    return complaintOf(error, source, 'content', OPTIONS.timeoutMs)
  }
  throw new Error('nothing to complain about')
}
const missing = (source: string, variables: JsonObject = {}): readonly string[] | undefined =>
  complaint(source, () => render(source, variables)).missing
const message = (source: string, variables: JsonObject = {}): string =>
  complaint(source, () => render(source, variables)).message

t.test('conditions, loops, nested values', async (t) => {
  const order = {
    order: {
      lines: [
        { name: 'tea', n: 2 },
        { name: 'cup', n: 1 },
      ],
      paid: true,
    },
  }
  const source =
    '{% for l in order.lines %}{{ forloop.index }}. {{ l.name | upcase }} x{{ l.n }}\n{% endfor %}{% if order.paid %}paid{% else %}open{% endif %}'
  t.equal(render(source, order), '1. TEA x2\n2. CUP x1\npaid')
})

t.test('a variable that is not there is named', async (t) => {
  t.same(missing('{{ user_name }}'), ['user_name'])
  t.same(missing('{{ order.total }}', { order: {} }), ['order', 'total'])
  t.same(missing('{{ order.total.net }}', { order: {} }), ['order', 'total'])
  t.same(missing('{% for i in items %}{% endfor %}'), ['items'])
  t.same(missing('{% assign x = nmae %}{{ x }}'), ['nmae'], 'nor can it be assigned')
  t.same(missing('{{ a | append: b }}', { a: 1 }), ['b'])
})

t.test('a condition and the filter default may ask for what is not there', async (t) => {
  t.equal(render('{% if vip %}yes{% else %}no{% endif %}'), 'no')
  t.equal(render('{% unless user.vip %}no{% endunless %}', { user: {} }), 'no')
  t.equal(render("{{ name | default: 'friend' }}"), 'friend')
  t.equal(render("{% assign n = name | default: 'friend' %}{{ n }}"), 'friend')
})

t.test('a filter may look for a property that not every element has', async (t) => {
  const items = { items: [{ id: 1, gift: true }, { id: 2 }] }
  t.equal(render("{{ items | where: 'gift' | map: 'id' | join }}", items), '1')
  t.equal(render("{{ items | reject: 'gift' | map: 'id' | join }}", items), '2')
  t.equal(render("{% assign f = items | find: 'gift', true %}{{ f.id }}", items), '1')
  t.same(missing("{{ items | where: 'gift' | append: x }}", items), ['x'], 'nothing else may')
})

t.test('what is in brackets may be an address, and is not named', async (t) => {
  t.same(missing('{{ prices[user.email] }}', { prices: {}, user: { email: 'zoe@example.com' } }), ['prices'])
  t.same(missing('{{ a["b.c"]["d"] }}', { a: { 'b.c': {} } }), ['a', 'b.c', 'd'])
})

t.test('mistakes are found when a text is compiled, with their line and column', async (t) => {
  const told = (source: string): string => complaint(source, () => engine.variables(source)).message
  t.equal(told('Hello\n  {{ x | nope }}'), 'line 2, column 3: undefined filter: nope')
  t.equal(told('{% foo %}'), 'line 1, column 1: tag "foo" not found')
  t.equal(told('a\n\n {% if x %}'), 'line 3, column 2: tag {% if x %} not closed')
  t.match(told('{{ x '), /^line 1, column 1: output "\{\{ x " not closed$/)
  t.match(told('{% endif %}'), /^line 1, column 1: /)
  t.match(told('{% assign = 5 %}'), /^line 1, column 11: expected variable name/)
  t.match(told('{{ (1..3 }}'), /^line 1, column 10: invalid range syntax/)
  t.match(told('{% liquid\nassign x = 1\nfoo y %}'), /^line 3, column 1: tag "foo" not found/)
})

t.test('other texts cannot be fetched', async (t) => {
  for (const tag of ['include', 'render', 'layout']) {
    t.equal(message(`{% ${tag} '/etc/passwd' %}`), `line 1, column 1: tag "${tag}" not found`)
  }
})

t.test('nothing is parsed that was not there when the text was saved', async (t) => {
  t.match(message("{{ a | where_exp: 'x', '1 == 1' }}", { a: [] }), /undefined filter: where_exp/)
})

t.test('a text sees its variables and nothing behind them', async (t) => {
  t.same(missing('{{ x.constructor }}', { x: {} }), ['x', 'constructor'])
  t.same(missing('{{ constructor }}'), ['constructor'])
  t.same(missing('{{ x.__proto__ }}', { x: {} }), ['x', '__proto__'])
  t.same(missing('{{ __proto__.x }}'), ['__proto__'])
  t.same(missing('{{ toString }}'), ['toString'])
  t.same(missing('{{ x | map: "y" | first | append: z }}', { x: [] }), ['z'])
  t.equal(render('{{ x | map: "constructor" | first }}', { x: [{}] }), '')
  const own: JsonObject = JSON.parse('{"__proto__": {"polluted": "yes"}, "constructor": "mine"}')
  t.equal(render('{{ constructor }} {{ __proto__.polluted }}', own), 'mine yes', 'unless a sender sends it')
  t.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
  t.same(missing('{{ polluted }}', { x: own }), ['polluted'])
})

t.test('values of variables stay out of messages', async (t) => {
  const secret = 'zoe@example.com'
  for (const source of [
    '{{ v | base64_decode }}',
    '{{ v.x }}',
    '{{ v | url_decode }}',
    '{{ 1 | currency: v }}',
    '{{ list | where: bracket }}',
    '{{ list | sum: v | plus: list.x }}',
    '{{ (v..99999999999999999999) }}',
    '{% for i in (1..v) %}{{ i.y }}{% endfor %}{{ v.z }}',
  ]) {
    const text = JSON.stringify(
      complaint(source, () => render(source, { v: `${secret}%`, bracket: `a[${secret}`, list: [{}] })),
    )
    t.notMatch(text, secret, source)
  }
})

t.test('the variables that a text takes from outside', async (t) => {
  const variables = (source: string): readonly string[] => [...engine.variables(source)].sort()
  t.same(variables('Hello'), [])
  t.same(variables('{{ order.total }} {{ order["id"] }} {{ user_name | append: suffix }}'), [
    'order',
    'suffix',
    'user_name',
  ])
  t.same(variables('{% assign a = b %}{{ a }}{% capture c %}{{ d }}{% endcapture %}{{ c }}'), ['b', 'd'])
  t.same(variables('{% for i in items %}{{ i.x }}{{ forloop.index }}{{ y }}{% endfor %}'), ['items', 'y'])
  t.same(variables('{{ i }}{% for i in (low..high) %}{{ i }}{% endfor %}'), ['high', 'i', 'low'])
  t.same(
    variables('{% if a and b == c %}{% elsif d contains "x" %}{% endif %}{% unless e %}{% endunless %}'),
    ['a', 'b', 'c', 'd', 'e'],
  )
  t.same(variables('{% case a %}{% when b, "c" %}{{ d }}{% endcase %}'), ['a', 'b', 'd'])
  t.same(variables('{{ a[b.c] }} {{ true }} {{ nil }} {{ "text" }} {{ 5 }} {{ empty }}'), ['a', 'b'])
  t.same(variables('{% tablerow p in products cols: n %}{{ p }}{% endtablerow %}'), ['n', 'products'])
  t.same(variables('{% comment %}{{ a }}{% endcomment %}{% raw %}{{ b }}{% endraw %}{% # c %}'), [])
  t.same(variables("{{ name | default: 'x' }}{{ at | date: '%H', zone }}"), ['at', 'name', 'zone'])
})

t.test('one rendering leaves nothing behind for the next', async (t) => {
  t.equal(render('{{ x }}', { x: 1 }) + render('{{ x }}', { x: 2 }), '12')
  const variables = { n: 5 }
  const counting = '{% increment n %}{% assign m = 1 %}{% capture o %}x{% endcapture %}{{ n }}'
  t.equal(render(counting, variables), render(counting, variables))
  t.same(variables, { n: 5 })
  t.same(missing('{{ m }}', variables), ['m'])
})
