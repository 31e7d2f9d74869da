import t from 'tap'
import { compileExpression, isTrue } from '../../src/model/expression.js'

const DOCUMENT = {
  data: { id: 'u1', user: { name: 'Ada' }, tags: ['a', 'b'], amount: 120, empty: null, 'a-b': 1 },
}

t.test('paths, projections, conditions and functions', async (t) => {
  const cases: [string, unknown][] = [
    ['data.id', 'u1'],
    ['data.user.name', 'Ada'],
    ['data."a-b"', 1],
    ['data.user', { name: 'Ada' }],
    ['data.tags[1]', 'b'],
    ['data.tags[:1]', ['a']],
    ['data.{who: id, tags: tags[*]}', { who: 'u1', tags: ['a', 'b'] }],
    ['data.amount > `100`', true],
    ['data.missing || data.id', 'u1'],
    ["join(' ', [data.user.name, data.id])", 'Ada u1'],
    ['data.tags[].length(@)', [1, 1]],
  ]
  for (const [text, expected] of cases) t.same(compileExpression(text)(DOCUMENT), expected, text)
})

t.test('what is not there is null, also where every object has something by that name', async (t) => {
  for (const text of [
    'data.missing.name',
    'data.id.name',
    'data.empty',
    'data.tags.length',
    'data.tags[9]',
  ]) {
    t.equal(compileExpression(text)(DOCUMENT), null, text)
  }
  for (const text of [
    'data.constructor',
    'data.__proto__',
    'data.toString',
    'data.constructor || data.missing',
  ]) {
    t.equal(compileExpression(text)(DOCUMENT), null, text)
  }
  t.equal(compileExpression('data.id')(null), null)
})

t.test('what is wrong with an expression is found before there is anything to look at', async (t) => {
  const wrong: [string, RegExp][] = [
    ['', /./],
    ['data.', /missing/],
    ['data..id', /missing/],
    ['data.(id)', /missing/],
    ['data[', /./],
    ['shout(data.id)', /Unknown function: shout/],
    ['data.tags[?shout(@)]', /Unknown function: shout/],
    ["join(',')", /join\(\) takes 2 arguments/],
    ['length(data, data)', /length\(\) takes 1 argument/],
  ]
  for (const [text, message] of wrong) t.throws(() => compileExpression(text), { message }, text)
})

t.test('functions throw what they cannot take, without telling the value', async (t) => {
  const expression = compileExpression('length(data.amount)')
  t.throws(() => expression(DOCUMENT), { message: /^TypeError: length\(\)(?!.*120)/ })
})

t.test('truth is that of JMESPath', async (t) => {
  for (const value of [null, undefined, false, '', [], {}]) t.notOk(isTrue(value), JSON.stringify(value))
  for (const value of [true, 0, 'no', [null], { a: null }]) t.ok(isTrue(value), JSON.stringify(value))
})
