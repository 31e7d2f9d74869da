import fc from 'fast-check'
import t from 'tap'
import { decodeEntities, escapeHtml, hasMarkup } from '../../src/sinks/email/markup.js'
import { plainText } from '../../src/sinks/email/plain-text.js'

t.test('tells HTML from text', async (t) => {
  for (const html of [
    '<p>x</p>',
    'a<br>b',
    'a<br/>',
    '<a href="x">y',
    '<!DOCTYPE html>',
    '<!-- x -->',
    '</P>',
  ]) {
    t.ok(hasMarkup(html), html)
  }
  for (const text of [
    '',
    'a < b and c > d',
    '<me@example.org>',
    '1<2>0',
    '<3',
    'a &amp; b',
    '<https://x.example>',
  ]) {
    t.notOk(hasMarkup(text), text)
  }
})

t.test('reads a page as text', async (t) => {
  const html = `<html><head><title>no</title><style>p { color: red }</style></head><body>
    <h1>Hi &amp; welcome</h1><p>First
    line<br>second</p><ul><li>one</li><li><b>two</b></li></ul>
    <script>alert("no")</script><!-- no -->
    <p>See <a href="https://x.example/?a=1&amp;b=2">here</a> or <a class=b href='mailto:me@x.example'>me@x.example</a>
    <a href="javascript:alert(1)">click</a></p>
    <table><tr><th>sum</th><td>&#65509;5&nbsp;000</td></tr><tr><td>left</td><td>1 < 2</td></tr></table>
    &lt;b&gt; &#x4f60;&#22909; &bogus; &constructor;</body></html>`
  t.equal(
    plainText(html),
    [
      'Hi & welcome\n',
      'First line',
      'second\n',
      '- one',
      '- two\n',
      'See here (https://x.example/?a=1&b=2) or me@x.example click\n',
      'sum ￥5 000',
      'left 1 < 2\n',
      '<b> 你好 &bogus; &constructor;',
    ].join('\n'),
  )
  t.equal(plainText('<constructor>x</constructor>'), 'x')
})

t.test('survives what is never closed', async (t) => {
  t.equal(plainText('seen <script>not'), 'seen')
  t.equal(plainText('seen <!-- not'), 'seen')
  t.equal(plainText('seen <a href="x'), 'seen')
  t.equal(plainText('<p>a <'), 'a <')
})

t.test('takes time in proportion to the length', async (t) => {
  const shapes = [
    '<',
    '< ',
    '<a ',
    '<a "',
    '</ ',
    '<!--',
    '<script>',
    '<a href="',
    " href='x",
    '&#',
    '<b> </b>',
    '<br>\n',
  ]
  for (const shape of shapes) {
    const begun = performance.now()
    plainText(shape.repeat(500_000 / shape.length))
    hasMarkup(shape.repeat(500_000 / shape.length))
    // Half a megabyte takes about 0.1 s; a quadratic scan of it would take minutes.
    t.ok(performance.now() - begun < 5_000, JSON.stringify(shape))
  }
})

t.test('never throws; decoding undoes escaping', async () => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '<p>',
    '</p>',
    '<a href="https://x">',
    '</a>',
    '&',
    '&#',
    ';',
    '"',
    'x',
    ' ',
    '\n',
  )
  fc.assert(fc.property(fc.array(pieces), (parts) => typeof plainText(parts.join('')) === 'string'))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => decodeEntities(escapeHtml(text)) === text))
})

t.test('decodes once, and no control characters', async (t) => {
  t.equal(decodeEntities('&amp;lt;'), '&lt;')
  t.equal(decodeEntities('a&#13;&#10;b&#0;&#xd800;&#x110000;'), 'a  b   ')
})
