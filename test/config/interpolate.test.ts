import t from 'tap'
import { interpolate } from '../../src/config/interpolate.js'

const value = (text: string, env: Record<string, string> = {}) => interpolate({ key: text }, env).tree.key

t.test('a variable gives its value, else the default, else nothing', async (t) => {
  t.equal(value(`\${NAME:fallback}`, { NAME: 'set' }), 'set')
  t.equal(value(`\${NAME:fallback}`), 'fallback')
  t.equal(value(`\${NAME:fallback}`, { NAME: '' }), 'fallback', 'an empty one counts as not set')
  t.equal(value(`\${NAME}`), '')
  t.equal(value(`\${NAME:}`), '')
  t.equal(value(`\${NAME:redis://a:b@host:1/0}`), 'redis://a:b@host:1/0')
  t.equal(value(`http://\${HOST:localhost}:\${PORT:80}/`, { PORT: '9005' }), 'http://localhost:9005/')
})

t.test('what a variable holds is a text and nothing else', async (t) => {
  const hostile = `x\nadmin: true\n# \${OTHER} {a: b} ' " $& $1`
  t.equal(value(`<\${NAME}>`, { NAME: hostile, OTHER: 'never' }), `<${hostile}>`)
})

t.test('variables are found at every depth, and named for messages', async (t) => {
  const { tree, variables } = interpolate(
    { a: { b: [`\${ONE}`, 2, null, true, { c: `\${TWO}\${ONE}` }] } },
    { ONE: '1', TWO: '2' },
  )
  t.same(tree, { a: { b: ['1', 2, null, true, { c: '21' }] } })
  t.same(
    [...variables],
    [
      ['a.b.0', ['ONE']],
      ['a.b.4.c', ['TWO', 'ONE']],
    ],
  )
})

t.test('a reference that is written wrongly is named by its key', async (t) => {
  for (const text of [`\${NAME`, `\${}`, `\${1A}`, `\${A-B}`, `\${ A }`]) {
    const { problems } = interpolate({ a: { b: text } }, {})
    t.match(problems, [{ key: 'a.b', message: /expected \$\{NAME\}/ }], text)
  }
})

t.test('names from Object are not variables', async (t) => {
  t.equal(value(`\${toString:none}`), 'none')
})
