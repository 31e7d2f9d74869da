import fc from 'fast-check'
import t from 'tap'
import { chooseText } from '../../src/model/choose-text.js'
import type { Template } from '../../src/model/template.js'

const text = (title: string) => ({ title, content: title })
const template = (changes: Partial<Template> = {}): Template => ({
  id: 'tmpl_1',
  version: 1,
  channel: 'email',
  defaultLocale: 'zh',
  variables: [],
  variants: [
    { name: 'default', weight: 1, texts: { zh: text('zh'), en: text('en'), 'zh-Hant': text('hant') } },
  ],
  ...changes,
})
const user = (userId: string) => ({ tenantId: 'acme', userId })

t.test('the first language that there is', async (t) => {
  const locale = (...locales: (string | null)[]) => chooseText(template(), user('u'), locales)?.locale
  t.equal(locale('en', 'zh'), 'en')
  t.equal(locale('en-GB', null), 'en')
  t.equal(locale('zh-Hant-TW'), 'zh-Hant')
  t.equal(locale('zh-CN'), 'zh')
  t.equal(locale('fr', 'en'), 'en', 'the next one')
  t.equal(locale('fr', null), 'zh', 'the default')
  t.equal(locale(null, null), 'zh')
  t.equal(locale('constructor'), 'zh', 'nothing that an object has by itself')
})

const TWO = template({
  variants: [
    { name: 'a', weight: 3, texts: { zh: text('a') } },
    { name: 'b', weight: 1, texts: { zh: text('b') } },
  ],
})

t.test('a user keeps the variant', async () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (id, version) => {
      const first = chooseText(TWO, user(id), [])
      return first?.variant === chooseText({ ...TWO, version }, user(id), ['en'])?.variant
    }),
  )
})

t.test('variants share the users by their weights', async (t) => {
  const users = Array.from({ length: 4_000 }, (_, n) => user(`user_${n}`))
  const ofA = users.filter((one) => chooseText(TWO, one, [])?.variant === 'a').length
  t.ok(Math.abs(ofA - 3_000) < 150, `${ofA} of 4000 got the one with three quarters`)
})
