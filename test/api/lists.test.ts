import t from 'tap'
import { onlyFor, serveDirectory, TENANT, wrongFields } from './directory-support.js'

const { client, as, known } = await serveDirectory(t)

const BLOCKLIST = '/api/v1/blocklist'
const SUPPRESSIONS = '/api/v1/suppressions'
const admin = await as('boss', 'admin')
const BOUNCE = { channel: 'email', address: 'Ada@Example.com', reason: 'bounce', note: '550' }

t.test('a user is blocked, listed and released', async (t) => {
  const blocked = () => known.find([{ tenantId: TENANT, userId: 'ada', channel: 'in_app', address: null }])
  const path = `${BLOCKLIST}/ada`
  const reason = { reason: 'Account closed' }
  t.match(await client.call('PUT', path, { token: admin, body: reason }), {
    status: 200,
    body: { user_id: 'ada', reason: 'Account closed', created_by: 'boss', created_at: String },
  })
  t.match(await blocked(), [{ recipient: { blocked: true } }])
  t.match(await client.call('PUT', path, { token: admin }), { status: 200, body: { reason: null } })
  await client.call('PUT', `${BLOCKLIST}/${encodeURIComponent('b/ü')}`, { token: admin, body: {} })
  const first = await client.call('GET', `${BLOCKLIST}?limit=1`)
  t.match(first, { status: 200, body: { blocked: [{ user_id: 'ada' }], next_cursor: String } })
  t.match(await client.call('GET', `${BLOCKLIST}?limit=1&cursor=${Object(first.body).next_cursor}`), {
    body: { blocked: [{ user_id: 'b/ü' }], next_cursor: null },
  })
  t.match(await client.call('DELETE', path, { token: admin }), { status: 204, body: '' })
  t.match(await blocked(), [{ recipient: { blocked: false } }])
  t.match(await client.call('DELETE', path, { token: admin }), { status: 404, body: { code: 'not_found' } })
})

t.test('an address is suppressed, found, listed and released', async (t) => {
  const suppressed = async () =>
    (await known.find([{ tenantId: TENANT, userId: 'x', channel: 'email', address: 'ada@example.com' }]))[0]
      ?.suppression
  t.equal(await suppressed(), null)
  t.match(await client.call('POST', SUPPRESSIONS, { body: BOUNCE }), {
    status: 200,
    body: { ...BOUNCE, address: 'ada@example.com', created_at: String },
  })
  t.equal(await suppressed(), 'bounce')
  const hook = 'https://hooks.example/a?b=c'
  await client.call('POST', SUPPRESSIONS, { body: { channel: 'webhook', address: hook, reason: 'manual' } })
  const first = await client.call('GET', `${SUPPRESSIONS}?limit=1`)
  t.match(first, { body: { suppressions: [{ address: 'ada@example.com' }] } })
  t.match(await client.call('GET', `${SUPPRESSIONS}?limit=1&cursor=${Object(first.body).next_cursor}`), {
    body: { suppressions: [{ channel: 'webhook', address: hook, note: null }], next_cursor: null },
  })
  const found = await client.call('GET', `${SUPPRESSIONS}?address=${encodeURIComponent('ADA@example.com')}`)
  t.match(found, { body: { suppressions: { length: 1 }, next_cursor: null } })
  const path = `${SUPPRESSIONS}?channel=email&address=${encodeURIComponent('ada@EXAMPLE.com')}`
  t.equal((await client.call('DELETE', path)).status, 204)
  t.equal(await suppressed(), null)
  t.match(await client.call('DELETE', path), { status: 404, body: { code: 'not_found' } })
})

t.test('each wrong field is named', async (t) => {
  for (const [change, field] of [
    [{ channel: 'in_app' }, '/channel'],
    [{ channel: 'fax' }, '/channel'],
    [{ address: 'nobody' }, '/address'],
    [{ address: '' }, '/address'],
    [{ address: undefined }, '/address'],
    [{ address: 'x'.repeat(1_025) }, '/address'],
    [{ reason: 'boredom' }, '/reason'],
    [{ note: 'a\nb' }, '/note'],
    [{ tenant_id: 't2' }, '/tenant_id'],
  ] as const) {
    const answer = await client.call('POST', SUPPRESSIONS, { body: { ...BOUNCE, ...change } })
    t.same(wrongFields(answer), [field])
  }
  for (const [method, path, field] of [
    ['DELETE', `${SUPPRESSIONS}?channel=email`, '/address'],
    ['DELETE', `${SUPPRESSIONS}?address=x`, '/channel'],
    ['GET', `${SUPPRESSIONS}?channel=in_app`, '/channel'],
    ['GET', `${SUPPRESSIONS}?limit=0`, '/limit'],
    ['GET', `${SUPPRESSIONS}?cursor=!`, '/cursor'],
    ['GET', `${SUPPRESSIONS}?cursor=abc`, '/cursor'],
    ['GET', `${SUPPRESSIONS}?address=%00`, '/address'],
    ['GET', `${BLOCKLIST}?cursor=abc`, '/cursor'],
    ['GET', `${BLOCKLIST}?limit=101`, '/limit'],
    ['PUT', `${BLOCKLIST}/a%00`, '/user_id'],
  ] as const) {
    t.same(wrongFields(await client.call(method, path, { token: admin })), [field], `${method} ${path}`)
  }
  for (const [body, field] of [
    [{ reason: '' }, '/reason'],
    [{ reason: 'x'.repeat(501) }, '/reason'],
    [{ until: 'tomorrow' }, '/until'],
    [[], ''],
  ] as const) {
    t.same(wrongFields(await client.call('PUT', `${BLOCKLIST}/ada`, { token: admin, body })), [field])
  }
})

t.test('each role has its place, and other tenants see nothing', async (t) => {
  const operators = { 'user ada': false, 'sender svc': false, 'admin boss': true }
  const readers = { ...operators, 'sender svc': true }
  await onlyFor(t, client, { method: 'PUT', path: `${BLOCKLIST}/eve`, body: {} }, operators)
  await onlyFor(t, client, { method: 'GET', path: BLOCKLIST }, readers)
  await onlyFor(t, client, { method: 'POST', path: SUPPRESSIONS, body: BOUNCE }, readers)
  await onlyFor(t, client, { method: 'GET', path: SUPPRESSIONS }, readers)
  const theirs = await as('boss', 'admin', 't2')
  t.match(await client.call('GET', BLOCKLIST, { token: theirs }), { body: { blocked: { length: 0 } } })
  t.match(await client.call('GET', SUPPRESSIONS, { token: theirs }), {
    body: { suppressions: { length: 0 } },
  })
  const one = `${SUPPRESSIONS}?channel=email&address=ada%40example.com`
  t.equal((await client.call('DELETE', `${BLOCKLIST}/eve`, { token: theirs })).status, 404)
  t.equal((await client.call('DELETE', one, { token: theirs })).status, 404)
  await onlyFor(t, client, { method: 'DELETE', path: one }, readers)
  await onlyFor(t, client, { method: 'DELETE', path: `${BLOCKLIST}/eve` }, operators)
})
