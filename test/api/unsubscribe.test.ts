import t, { type Test } from 'tap'
import type { Preferences, Unwanted } from '../../src/api/ports.js'
import { Failure } from '../../src/model/failure.js'
import type { UserAddress } from '../../src/streams/ports.js'
import { aNotification } from '../support/notification.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { tokenIn, unsubscribeLinks } from '../support/unsubscribe.js'
import { serve } from './support.js'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const ONE_CLICK = 'List-Unsubscribe=One-Click'
const TYPE = { kind: 'type', notificationType: 'marketing.sale', channel: 'email' } as const
const USER = { tenantId: 'acme', userId: 'ada-the-recipient' }

const sale = () => aNotification({ ...USER, channel: 'email', notificationType: 'marketing.sale' })

interface Use {
  readonly user: UserAddress
  readonly unwanted: Unwanted
  readonly once: { readonly notificationId: string } | null
}

/** What was asked of the preferences; a link is good once for each scope. */
function preferences(): Preferences & { readonly uses: Use[] } {
  const uses: Use[] = []
  const used = new Set<string>()
  const never = () => Promise.reject(new Error('nobody asked for this'))
  return {
    uses,
    list: never,
    put: never,
    remove: never,
    unsubscribe: async (user, unwanted, once) => {
      uses.push({ user, unwanted, once })
      const key = `${once?.notificationId} ${unwanted.kind}`
      if (used.has(key)) return 'used_before'
      used.add(key)
      return 'done'
    },
  }
}

async function started(t: Test) {
  const asked = preferences()
  const telemetry = recordedTelemetry()
  const { url } = await serve(t, { preferences: asked, telemetry })
  const notification = sale()
  const token = tokenIn(unsubscribeLinks().linkFor(notification))
  const call = async (method: string, init: RequestInit = {}, query = `?token=${token}`) => {
    const answer = await fetch(`${url}/unsubscribe${query}`, { method, redirect: 'manual', ...init })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  const form = (body: string, headers: Readonly<Record<string, string>> = {}, query?: string) =>
    call(
      'POST',
      { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } },
      query,
    )
  return { asked, telemetry, notification, token, call, form }
}

t.test('one click turns off the type by this channel', async (t) => {
  const { asked, telemetry, notification, token, form } = await started(t)
  const answer = await form(ONE_CLICK)
  t.equal(answer.status, 200)
  t.same(JSON.parse(answer.text), {
    status: 'unsubscribed',
    scope: 'type',
    notification_type: 'marketing.sale',
    channel: 'email',
    group: 'marketing',
  })
  t.same(asked.uses, [{ user: USER, unwanted: TYPE, once: { notificationId: notification.id } }])
  t.equal(answer.headers.get('set-cookie'), null)
  const lines = JSON.stringify(telemetry.lines)
  t.match(lines, 'recipient.unsubscribed')
  t.notMatch(lines, USER.userId)
  t.notMatch(lines, token)
})

t.test('one click as multipart/form-data, which RFC 8058 prefers', async (t) => {
  const { asked, call } = await started(t)
  const body = new FormData()
  body.set('List-Unsubscribe', 'One-Click')
  t.equal((await call('POST', { body })).status, 200)
  const quoted = `--a b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--a b--\r\n`
  const headers = { 'content-type': 'multipart/form-data; boundary="a b"' }
  t.match(JSON.parse((await call('POST', { body: quoted, headers })).text), { status: 'already' })
  t.same(
    asked.uses.map(({ unwanted }) => unwanted),
    [TYPE, TYPE],
  )
})

t.test('scope=group turns off all of the group in one call', async (t) => {
  const { asked, form } = await started(t)
  t.match(JSON.parse((await form('scope=group')).text), { status: 'unsubscribed', scope: 'group' })
  t.match(JSON.parse((await form(`${ONE_CLICK}&scope=type&more=1`)).text), {
    status: 'unsubscribed',
    scope: 'type',
  })
  t.same(
    asked.uses.map(({ unwanted }) => unwanted),
    [{ kind: 'group', group: 'marketing' }, TYPE],
  )
})

t.test('a link that was used is answered and changes nothing', async (t) => {
  const { form } = await started(t)
  await form(ONE_CLICK)
  t.match(await form(ONE_CLICK), { status: 200, text: /"already"/ })
  const page = await form('scope=type', { accept: BROWSER })
  t.equal(page.status, 200)
  t.match(page.text, 'This link was used before')
})

t.test('looking at the page changes nothing, however often mail filters do it', async (t) => {
  const { asked, call } = await started(t)
  for (const headers of [{ accept: BROWSER }, { accept: '*/*' }]) {
    const page = await call('GET', { headers })
    t.equal(page.status, 200)
    t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    t.match(page.text, '<form method="post">')
  }
  const head = await call('HEAD')
  t.match(head, { status: 200, text: '' })
  t.same(asked.uses, [])
})

t.test('the page says what will be turned off and nothing about whose it is', async (t) => {
  const { call, token } = await started(t)
  const { text, headers } = await call('GET', { headers: { accept: BROWSER } })
  t.match(text, '<html lang="en">')
  t.match(text, 'marketing.sale')
  t.match(text, 'by email')
  t.match(text, /<button name="scope" value="type">/)
  t.match(text, /<button name="scope" value="group">Stop all marketing messages/)
  for (const secret of [USER.userId, USER.tenantId, token]) t.notMatch(text, secret)
  t.notMatch(text, /<script|<img|https?:|javascript:/i)
  t.match(text, '<meta name="robots" content="noindex, nofollow">')
  const policy = headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, 'unsafe')
  t.equal(headers.get('referrer-policy'), 'no-referrer')
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('x-robots-tag'), 'noindex, nofollow')
})

t.test('the style of the page is the one that its policy allows', async (t) => {
  const { call } = await started(t)
  const { text, headers } = await call('GET')
  const style = /<style>(.*)<\/style>/s.exec(text)?.[1] ?? ''
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(style))
  t.match(headers.get('content-security-policy'), `'sha256-${Buffer.from(digest).toString('base64')}'`)
})

t.test('it speaks the language of the reader, English to all others', async (t) => {
  const { call, form } = await started(t)
  const inChinese = { accept: BROWSER, 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }
  const page = await call('GET', { headers: inChinese })
  t.match(page.text, '<html lang="zh">')
  t.match(page.text, '退订')
  t.equal(page.headers.get('content-language'), 'zh')
  t.match(page.headers.get('vary'), 'accept-language')
  t.match((await form('scope=type', inChinese)).text, '退订成功')
  t.match((await form('scope=group', inChinese)).text, '您将不再收到营销消息')
  t.match((await call('GET', { headers: inChinese }, '?token=x')).text, '此链接无效')
  for (const other of ['fr', 'en;q=0.9, zh;q=0.1', 'zh;q=0', '*', ';;,q=']) {
    const { text } = await call('GET', { headers: { accept: BROWSER, 'accept-language': other } })
    t.match(text, '<html lang="en">', other)
  }
})

t.test('a browser is told that it worked, and may turn off the rest too', async (t) => {
  const { asked, form } = await started(t)
  const page = await form('scope=type', { accept: BROWSER })
  t.equal(page.status, 200)
  t.match(page.text, 'You are unsubscribed')
  t.match(page.text, 'role="status"')
  t.match(page.text, 'value="group"')
  const all = await form('scope=group', { accept: BROWSER })
  t.match(all.text, 'no more marketing messages')
  t.notMatch(all.text, '<form')
  t.equal(asked.uses.length, 2)
})

t.test('what is no link of ours is refused, all in the same words', async (t) => {
  const { asked, token, call, form } = await started(t)
  const other = tokenIn(unsubscribeLinks({}, 'the-secret-of-another-installation').linkFor(sale()))
  const last = token.endsWith('A') ? 'B' : 'A'
  const forged = [other, token.slice(0, -1), token.slice(0, -1) + last, `x${token}`, 'garbage', '%00', '..']
  const texts = new Set<string>()
  for (const bad of forged) {
    const answer = await form(ONE_CLICK, {}, `?token=${bad}`)
    t.equal(answer.status, 400, bad)
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    texts.add(answer.text)
    t.equal((await call('GET', {}, `?token=${bad}`)).status, 400)
    const page = await form('scope=group', { accept: BROWSER }, `?token=${bad}`)
    t.equal(page.status, 400)
    t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    t.match(page.text, 'This link does not work')
  }
  t.equal(texts.size, 1)
  t.match(JSON.parse([...texts][0] ?? ''), { code: 'validation_failed', errors: [{ field: '/token' }] })
  t.same(asked.uses, [])
})

t.test('a token that is missing, empty, twice or far too long is refused', async (t) => {
  const { asked, token, form } = await started(t)
  const queries = [
    '',
    '?',
    '?token=',
    `?token=${token}&token=${token}`,
    `?token=${token}${'A'.repeat(4_000)}`,
  ]
  for (const query of queries) {
    const answer = await form(ONE_CLICK, {}, query)
    t.equal(answer.status, 400, query.slice(0, 40))
    t.notMatch(answer.text, token)
    t.match((await form(ONE_CLICK, { accept: BROWSER }, query)).text, 'This link does not work')
  }
  t.same(asked.uses, [])
  t.equal((await form(ONE_CLICK, {}, `?utm_source=mail&token=${token}`)).status, 200, 'more may stand there')
})

t.test('a body that asks for nothing turns nothing off', async (t) => {
  const { asked, call, form } = await started(t)
  for (const body of [
    '',
    'List-Unsubscribe=',
    'List-Unsubscribe=no',
    'scope=all',
    'x=1',
    '%%%',
    '__proto__=1',
  ])
    t.equal((await form(body)).status, 400, body)
  t.equal((await call('POST')).status, 400, 'no body')
  const headers = { 'content-type': 'multipart/form-data; boundary=x' }
  for (const body of ['garbage', '--x--', `--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--`])
    t.equal((await call('POST', { body, headers })).status, 400, body)
  const file = new FormData()
  file.set('scope', new Blob(['group']), 'scope.txt')
  t.equal((await call('POST', { body: file })).status, 400, 'a file')
  t.same(asked.uses, [])
})

t.test('only forms are read, and short ones', async (t) => {
  const { asked, call, form } = await started(t)
  for (const type of ['application/json', 'text/plain', 'application/xml', 'multipart/mixed; boundary=x']) {
    const answer = await call('POST', { body: '{"scope":"group"}', headers: { 'content-type': type } })
    t.equal(answer.status, 415, type)
    t.match(JSON.parse(answer.text), { code: 'unsupported_media_type', detail: /multipart\/form-data or/ })
  }
  t.equal((await form(`${ONE_CLICK}&x=${'x'.repeat(10_000)}`)).status, 413)
  const charset = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }
  t.equal((await form(ONE_CLICK, charset)).status, 200)
  t.equal(asked.uses.length, 1)
})

t.test('other methods are not allowed; nothing is redirected', async (t) => {
  const { call, form } = await started(t)
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await call(method)
    t.equal(answer.status, 405, method)
    t.match(answer.headers.get('allow'), /GET.*POST/)
  }
  for (const answer of [await form(ONE_CLICK), await form('scope=group', { accept: BROWSER })])
    t.equal(answer.headers.get('location'), null)
})

t.test('a link of a type that gets none any more is refused', async (t) => {
  const asked = preferences()
  const links = unsubscribeLinks({ 'marketing.sale': 'system' })
  const { url } = await serve(t, { preferences: asked, unsubscribeLinks: links })
  const token = tokenIn(unsubscribeLinks().linkFor(sale()))
  const body = new URLSearchParams(ONE_CLICK)
  const answer = await fetch(`${url}/unsubscribe?token=${token}`, { method: 'POST', body })
  t.equal(answer.status, 409)
  t.same(asked.uses, [])
})

t.test('when the store is away, one is asked to come again', async (t) => {
  const away: Preferences = {
    ...preferences(),
    unsubscribe: () => Promise.reject(new Failure('store_unavailable', 'away', { retryAfterMs: 1_000 })),
  }
  const { url } = await serve(t, { preferences: away })
  const target = `${url}/unsubscribe?token=${tokenIn(unsubscribeLinks().linkFor(sale()))}`
  const body = new URLSearchParams(ONE_CLICK)
  const page = await fetch(target, { method: 'POST', body, headers: { accept: BROWSER } })
  t.equal(page.status, 503)
  t.equal(page.headers.get('retry-after'), '1')
  t.match(await page.text(), 'Please try again in a minute')
})

t.test('one link, or one address without any, is slowed down; other links are not', async (t) => {
  const { asked, call, form } = await started(t)
  const statuses = async (count: number, once: () => Promise<{ readonly status: number }>) => {
    const answers = await Promise.all(Array.from({ length: count }, once))
    return answers.map(({ status }) => status)
  }
  const same = await statuses(70, () => form(ONE_CLICK))
  t.equal(same.filter((status) => status === 200).length, 60)
  t.equal(same.filter((status) => status === 429).length, 10)
  t.equal(asked.uses.length, 60)
  const forged = await statuses(70, () => call('GET', {}, '?token=garbage'))
  t.equal(forged.filter((status) => status === 429).length, 10)
  const limited = await call('GET', { headers: { accept: BROWSER } }, '?token=garbage')
  t.equal(limited.status, 429)
  t.match(limited.text, 'Please try again')
  t.ok(Number(limited.headers.get('retry-after')) > 0)
  const others = await statuses(70, () =>
    form(ONE_CLICK, {}, `?token=${tokenIn(unsubscribeLinks().linkFor(sale()))}`),
  )
  t.same(new Set(others), new Set([200]), 'a mail provider uses many links from one address')
})

t.test('the OpenAPI document has both operations, open to all, with their forms and refusals', async (t) => {
  const { url } = await serve(t, { preferences: preferences() })
  const { paths } = Object(await (await fetch(`${url}/openapi.json`)).json())
  const { get, post } = paths['/unsubscribe']
  t.same(get.security, [])
  t.same(post.security, [])
  t.same(Object.keys(post.requestBody.content), ['multipart/form-data', 'application/x-www-form-urlencoded'])
  t.ok(post.responses[200].content['application/json'].schema.properties.status)
  t.ok(post.responses[200].content['text/html'])
  t.ok(get.responses[200].content['text/html'])
  for (const status of [400, 409, 413, 415, 429, 500, 503]) t.ok(post.responses[status], String(status))
})
