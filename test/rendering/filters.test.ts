import t from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { Engine, type Place } from '../../src/rendering/engine.js'
import { OPTIONS } from './support.js'

const plain = new Engine(OPTIONS, 'plain')
const html = new Engine(OPTIONS, 'html')
const NOWHERE: Place = { locale: null, timezone: null }
const render = (source: string, variables: JsonObject = {}, place: Partial<Place> = {}): string =>
  plain.render(source, variables, { ...NOWHERE, ...place }).replaceAll(/[\u00a0\u202f]/g, ' ')

t.test('currency goes by the locale, and by the configured currency when none is named', async (t) => {
  const price = { price: 1234.5 }
  t.equal(render('{{ price | currency }}', price), 'CN¥1,234.50')
  t.equal(render('{{ price | currency }}', price, { locale: 'zh-CN' }), '¥1,234.50')
  t.equal(render("{{ price | currency: 'EUR' }}", price, { locale: 'de-DE' }), '1.234,50 €')
  t.equal(render("{{ price | currency: 'jpy' }}", price, { locale: 'ja-JP' }), '￥1,235')
  t.equal(render('{{ price | currency: code }}', { price: '12.30', code: 'USD' }), '$12.30', 'a decimal text')
})

t.test('number and percent go by the locale', async (t) => {
  t.equal(render('{{ n | number }}', { n: 1234567.891 }), '1,234,567.891')
  t.equal(render('{{ n | number }}', { n: 1234567.891 }, { locale: 'de' }), '1.234.567,891')
  t.equal(render('{{ n | number: 2 }}', { n: 3 }), '3.00')
  t.equal(render('{{ n | percent }}', { n: 0.256 }), '26%')
  t.equal(render('{{ n | percent: 1 }}', { n: 0.256 }, { locale: 'fr' }), '25,6 %')
})

t.test('what is no number is written as it is', async (t) => {
  for (const filter of ['currency', 'number', 'percent'])
    for (const value of ['on request', '', true, '1e5', '0x10'])
      t.equal(render(`{{ v | ${filter} }}`, { v: value }), String(value), `${value} | ${filter}`)
  t.equal(render('{{ v | currency }}', { v: null }), '')
})

t.test('date writes in the words of the locale, in the zone of the recipient', async (t) => {
  const at = { at: '2026-03-01T17:30:00Z' }
  t.equal(render('{{ at | date }}', at), 'Mar 2, 2026', 'it is the 2nd in Shanghai')
  t.equal(render('{{ at | date }}', at, { timezone: 'Europe/Berlin' }), 'Mar 1, 2026')
  t.equal(render("{{ at | date: 'long' }}", at, { locale: 'zh-CN' }), '2026年3月2日')
  t.equal(render("{{ at | date: 'full' }}", at, { locale: 'de' }), 'Montag, 2. März 2026')
  t.equal(render("{{ at | date: 'short', 'America/New_York' }}", at, { locale: 'en-GB' }), '01/03/2026')
})

t.test('date writes what a format says', async (t) => {
  const at = { at: '2026-03-01T17:30:05Z' }
  t.equal(render("{{ at | date: '%Y-%m-%d %H:%M:%S %z' }}", at), '2026-03-02 01:30:05 +0800')
  t.equal(render("{{ at | date: '%H:%M', 'Europe/London' }}", at), '17:30')
  t.equal(render("{{ at | date: '%e. %B' }}", at, { locale: 'de' }), ' 2. März')
  t.equal(render("{{ at | date: '%A' }}", at, { locale: 'zh-CN' }), '星期一')
})

t.test('date goes by the daylight saving time of the day itself', async (t) => {
  const berlin = { timezone: 'Europe/Berlin' }
  const hour = (at: string): string => render("{{ at | date: '%H:%M %z' }}", { at }, berlin)
  t.equal(hour('2026-03-29T00:59:00Z'), '01:59 +0100')
  t.equal(hour('2026-03-29T01:00:00Z'), '03:00 +0200')
  t.equal(hour('2026-10-25T00:59:00Z'), '02:59 +0200')
  t.equal(hour('2026-10-25T01:00:00Z'), '02:00 +0100')
})

t.test('date reads ISO 8601, SQL, RFC 2822, seconds and now', async (t) => {
  const read = (at: string | number): string => render("{{ at | date: '%Y-%m-%d %H:%M' }}", { at })
  t.equal(read('2026-03-01T17:30:00+01:00'), '2026-03-02 00:30')
  t.equal(read('2026-03-01T17:30'), '2026-03-01 17:30', 'without an offset: in the zone it is written in')
  t.equal(read('2026-03-01 17:30:00'), '2026-03-01 17:30')
  t.equal(read('2026-03-01'), '2026-03-01 00:00')
  t.equal(read('Sun, 01 Mar 2026 17:30:00 GMT'), '2026-03-02 01:30')
  t.equal(read(1_772_386_200), '2026-03-02 01:30')
  t.equal(read('1772386200'), '2026-03-02 01:30')
  t.match(read('now'), /^20\d\d-/)
})

t.test('what is no date is written as it is', async (t) => {
  for (const value of ['soon', '', '2026-99-99', true]) {
    t.equal(render("{{ v | date: '%Y' }}", { v: value }), String(value))
  }
  t.equal(render('{{ v | date }}', { v: 1e300 }), '1e+300')
  t.equal(render('{{ v | date }}', { v: null }), '')
})

t.test('an unknown place is that of the configuration', async (t) => {
  const nowhere = { locale: 'not a language', timezone: 'Mars/Olympus' }
  t.equal(
    render("{{ n | number }} {{ at | date: '%H' }}", { n: 1234, at: '2026-03-01T00:00Z' }, nowhere),
    '1,234 08',
  )
})

t.test('an argument that makes no sense is refused', async (t) => {
  const refused = (source: string, variables: JsonObject = {}): string => {
    try {
      return `rendered: ${render(source, variables)}`
    } catch (error) {
      return String(error)
    }
  }
  t.match(refused("{{ 1 | currency: 'Euro' }}"), /currency expects an ISO 4217 code/)
  t.match(refused('{{ 1 | currency: x }}', { x: 5 }), /currency expects an ISO 4217 code/)
  t.match(refused('{{ 1 | number: 21 }}'), /number expects 0 to 20 decimal places/)
  t.match(refused("{{ 1 | percent: 'many' }}"), /percent expects 0 to 20 decimal places/)
  t.match(refused("{{ 'now' | date: '%H', 'Mars/Olympus' }}"), /there is no "Mars\/Olympus"/)
  t.match(refused("{{ 'now' | date: 5 }}"), /a format of at most 200 characters/)
  t.match(refused('{{ "now" | date: f }}', { f: '%H'.repeat(101) }), /a format of at most 200 characters/)
  t.match(refused("{{ 'now' | date: '%H', z }}", { z: 'zoe@example.com' }), /expects an IANA time zone, line/)
})

t.test('in HTML every value is escaped, once', async (t) => {
  const escaped = (source: string, variables: JsonObject): string => html.render(source, variables, NOWHERE)
  const values = { v: `<b title="'">&`, lines: 'a<b\nc' }
  const safe = '&lt;b title=&#34;&#39;&#34;&gt;&amp;'
  t.equal(escaped('<p>{{ v }}</p>', values), `<p>${safe}</p>`)
  t.equal(escaped('{{ v | escape }}', values), safe)
  t.equal(escaped('{{ v | escape_once }}', values), safe)
  t.equal(escaped('{{ v | append: v }}', values), safe + safe)
  t.equal(escaped('{% echo v %}', values), safe)
  t.equal(escaped('{% assign w = v %}{{ w }}', values), safe)
  t.equal(escaped('{{ lines | newline_to_br }}', values), 'a&lt;b<br />\nc')
  t.equal(escaped('{{ lines | escape | newline_to_br }}', values), 'a&lt;b<br />\nc')
  t.equal(escaped('{{ v | json }}', { v: '<' }), '&#34;&lt;&#34;')
  t.equal(escaped('{{ v | raw }}', values), values.v, 'unless the author vouches for it')
})

t.test('in plain text nothing is escaped', async (t) => {
  t.equal(render('{{ v }} {{ v | escape }}', { v: '<&>' }), '<&> &lt;&amp;&gt;')
})
