import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { Failure } from '../../src/model/failure.js'
import {
  ask,
  Client,
  connect,
  dial,
  openStand,
  type StandOptions,
  UPGRADE_HEADERS,
  UPGRADE_LINES,
  verifier,
} from './websocket-stand.js'

const AUTHORIZED = { ...UPGRADE_HEADERS, authorization: 'Bearer acme/ann' }

t.test('a token opens a socket from wherever it comes, and is never echoed', async (t) => {
  const jwtLike = {
    verify: (token: string) => verifier.verify(token.replaceAll('.', '/')),
  }
  const stand = await openStand(t, { verifier: jwtLike })
  const url = `ws://127.0.0.1:${stand.port}/ws`
  const ways = {
    header: new WebSocket(url, { headers: { authorization: 'bearer acme.ann' } }),
    subprotocol: new WebSocket(url, ['notification.v1', 'bearer.acme.ann']),
    'subprotocol, the other way round': new WebSocket(url, ['bearer.acme.ann', 'notification.v1']),
    query: new WebSocket(`${url}?token=acme.ann&user_id=ann&tenant_id=acme`),
    'query beside another scheme': new WebSocket(`${url}?token=acme.ann`, {
      headers: { authorization: 'Basic eDp5' },
    }),
  }
  for (const [way, ws] of Object.entries(ways)) {
    t.match(await new Client(ws).next(), { type: 'welcome' }, way)
    t.equal(ws.protocol, way.startsWith('subprotocol') ? 'notification.v1' : '', way)
    ws.close()
  }
})

t.test('the welcome tells how to live with the connection', async (t) => {
  const stand = await openStand(t)
  t.same(await dial(t, stand, 'acme/ann').next(), {
    type: 'welcome',
    heartbeat_seconds: 30,
    reconnect: { initial_ms: 1000, max_ms: 30_000, jitter: 0.5 },
  })
})

t.test('refusals come before the upgrade, as problem details', async (t) => {
  const stand = await openStand(t, { gateway: { origins: ['https://app.example.com'] } })
  const { authorization: _, ...anonymous } = AUTHORIZED
  const cases: [string, number, string, string, object][] = [
    ['no token', 401, 'unauthenticated', '/ws', anonymous],
    ['an empty token', 401, 'unauthenticated', '/ws?token=', anonymous],
    ['a bad token', 401, 'unauthenticated', '/ws?token=nonsense', anonymous],
    ['another user', 403, 'forbidden', '/ws?user_id=bob', AUTHORIZED],
    ['no user', 403, 'forbidden', '/ws?user_id=', AUTHORIZED],
    ['another tenant', 403, 'forbidden', '/ws?tenant_id=evil', AUTHORIZED],
    ['a foreign origin', 403, 'forbidden', '/ws', { ...AUTHORIZED, origin: 'https://evil.example' }],
    ['an opaque origin', 403, 'forbidden', '/ws', { ...AUTHORIZED, origin: 'null' }],
    ['another path', 404, 'not_found', '/wss', AUTHORIZED],
    ['a path below', 404, 'not_found', '/ws/x', AUTHORIZED],
    ['two tokens', 400, 'validation_failed', '/ws?token=a&token=b', anonymous],
    ['two users', 400, 'validation_failed', '/ws?user_id=ann&user_id=bob', AUTHORIZED],
    ['a bad key', 400, 'validation_failed', '/ws', { ...AUTHORIZED, 'sec-websocket-key': 'x' }],
    ['an old version', 400, 'validation_failed', '/ws', { ...AUTHORIZED, 'sec-websocket-version': '8' }],
    [
      'another subprotocol',
      400,
      'validation_failed',
      '/ws',
      { ...AUTHORIZED, 'sec-websocket-protocol': 'v2' },
    ],
    [
      'a malformed subprotocol',
      400,
      'validation_failed',
      '/ws',
      { ...AUTHORIZED, 'sec-websocket-protocol': 'notification.v1,, a b' },
    ],
  ]
  for (const [name, status, code, path, headers] of cases) {
    const answer = await ask(stand, path, { ...headers })
    t.equal(answer.status, status, name)
    t.match(answer.headers['content-type'], 'application/problem+json', name)
    t.match(JSON.parse(answer.body), { status, code, type: `/docs/errors#${code}`, title: String }, name)
    t.equal(answer.headers['www-authenticate'], status === 401 ? 'Bearer' : undefined, name)
    t.equal(answer.headers['sec-websocket-version'], name === 'an old version' ? '13' : undefined, name)
  }
  t.match(await ask(stand, '/ws', AUTHORIZED, 'POST'), { status: 405, headers: { allow: 'GET' } })
  t.equal(stand.log.count('websocket.connected'), 0)
  t.notMatch(JSON.stringify(stand.log.lines), /acme\/ann|nonsense/, 'no token is logged')
})

t.test('origins', async (t) => {
  const listed = await openStand(t, { gateway: { origins: ['https://App.example.com'] } })
  const open = await openStand(t)
  const from = (origin: string) => ({ ...AUTHORIZED, origin })
  t.equal((await ask(listed, '/ws', from('https://app.example.com'))).status, 101)
  t.equal((await ask(listed, '/ws', from('https://app.example.com.evil.example'))).status, 403)
  t.equal((await ask(listed, '/ws', AUTHORIZED)).status, 101, 'what is no browser has none')
  t.equal((await ask(open, '/ws', from('https://any.example'))).status, 101, 'no list, no limit')
})

t.test('when full, the next one gets 503 until another leaves', async (t) => {
  const stand = await openStand(t, { hub: { maxConnections: 2 } })
  const ann = await connect(t, stand, 'acme/ann')
  await connect(t, stand, 'acme/bob')
  const refused = await ask(stand, '/ws', AUTHORIZED)
  t.match(refused, { status: 503, headers: { 'retry-after': '5' } })
  t.match(JSON.parse(refused.body), { code: 'too_many_connections' })
  const gone = stand.log.next('websocket.disconnected')
  ann.ws.close()
  await gone
  await connect(t, stand, 'acme/ann')
  t.match(await stand.metrics.sockets.get(), { values: [{ value: 2 }] })
})

t.test('one user cannot take all the room', async (t) => {
  const stand = await openStand(t, { hub: { maxPerUser: 2 } })
  await connect(t, stand, 'acme/ann')
  await connect(t, stand, 'acme/ann')
  t.equal((await ask(stand, '/ws', AUTHORIZED)).status, 503)
  await connect(t, stand, 'other/ann')
})

t.test('verifying a token has a deadline, and so many may wait for it', async (t) => {
  const gates: (() => void)[] = []
  const waiting: (() => void)[] = []
  const slow: StandOptions['verifier'] = {
    verify: async (token) => {
      if (token === 'never') return new Promise(() => {})
      await new Promise<void>((resolve) => {
        gates.push(resolve)
        waiting.shift()?.()
      })
      return verifier.verify(token)
    },
  }
  t.test('a verifier that does not answer', async (t) => {
    const stand = await openStand(t, { verifier: slow, gateway: { authTimeoutMs: 20 } })
    const answer = await ask(stand, '/ws?token=never', UPGRADE_HEADERS)
    t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
    t.match(JSON.parse(answer.body), { code: 'overloaded' })
  })
  t.test('more than may wait', async (t) => {
    const stand = await openStand(t, { verifier: slow, gateway: { maxPending: 1 } })
    const asked = new Promise<void>((resolve) => waiting.push(resolve))
    const first = dial(t, stand, 'acme/ann')
    await asked
    t.match(JSON.parse((await ask(stand, '/ws', AUTHORIZED)).body), { code: 'overloaded' })
    gates.pop()?.()
    t.match(await first.next(), { type: 'welcome' })
    const again = new Promise<void>((resolve) => waiting.push(resolve))
    const second = dial(t, stand, 'acme/ann')
    await again
    gates.pop()?.()
    t.match(await second.next(), { type: 'welcome' }, 'there is room again')
  })
  t.test('a client that has gone meanwhile', async (t) => {
    const stand = await openStand(t, { verifier: slow })
    const asked = new Promise<void>((resolve) => waiting.push(resolve))
    const accepted = once(stand.server, 'connection')
    const client = dial(t, stand, 'acme/ann')
    const [socket] = await accepted
    await asked
    client.ws.terminate()
    gates.pop()?.()
    await closed(socket)
    const other = new Promise<void>((resolve) => waiting.push(resolve))
    const second = dial(t, stand, 'acme/bob')
    await other
    gates.pop()?.()
    await second.next()
    t.equal(stand.hub.size, 1)
  })
})

t.test('a verifier that fails is our fault, and says what it knows', async (t) => {
  const broken: StandOptions['verifier'] = {
    verify: async (token) => {
      if (token === 'keys') throw new Failure('store_unavailable', 'no keys', { retryAfterMs: 5_000 })
      throw new TypeError('oops')
    },
  }
  const stand = await openStand(t, { verifier: broken })
  t.match(await ask(stand, '/ws?token=keys', UPGRADE_HEADERS), {
    status: 503,
    headers: { 'retry-after': '5' },
  })
  const answer = await ask(stand, '/ws?token=x', UPGRADE_HEADERS)
  t.equal(answer.status, 500)
  t.notMatch(answer.body, /oops/)
  t.equal(stand.log.count('http.request_failed'), 1)
})

t.test('two thousand headers do no harm', async (t) => {
  const stand = await openStand(t)
  for (const count of [990, 1_010, 2_000, 2_100]) {
    const socket = net.connect(stand.port, '127.0.0.1')
    // The first ones count: those that make it an upgrade are among what Node drops.
    socket.write(`GET /ws HTTP/1.1\r\n${'a:b\r\n'.repeat(count)}${UPGRADE_LINES}\r\n`)
    const [answer] = await once(socket, 'data')
    t.match(answer.toString(), /^HTTP\/1\.1 4\d\d /, `${count}`)
    socket.destroy()
  }
  t.match(await ask(stand, '/ws', { ...AUTHORIZED, 'x-long': 'x'.repeat(20_000) }), { status: 431 })
  await connect(t, stand, 'acme/ann')
})

t.test('an offer of another protocol is ignored, and the request is served', async (t) => {
  const stand = await openStand(t)
  const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQ' }
  t.match(await ask(stand, '/api', h2c), { status: 200, body: 'GET /api ' })
  const body = 'x'.repeat(100_000)
  t.match(await ask(stand, '/api', { ...h2c, 'content-length': body.length }, 'POST', body), {
    status: 200,
    body: `POST /api ${body}`,
  })
  t.equal(
    (await ask(stand, '/api', { ...h2c, 'transfer-encoding': 'chunked' }, 'POST', body)).body.length,
    100_010,
  )

  const socket = net.connect(stand.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const request = 'GET /kept HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'
  for (const _ of [1, 2]) {
    socket.write(request)
    const [answer] = await once(socket, 'data')
    t.match(answer.toString(), /^HTTP\/1\.1 200 OK[\s\S]*GET \/kept $/, 'kept alive')
  }
  socket.write(
    `POST /kept HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n${'a:b\r\n'.repeat(2_000)}\r\n`,
  )
  const [answer] = await once(socket, 'data')
  t.match(
    answer.toString(),
    /^HTTP\/1\.1 400 [\s\S]*headers are too many/,
    'not when some may have been lost',
  )
})

t.test('a request whose headers were cut is never served without its body', async (t) => {
  const stand = await openStand(t)
  const statuses = new Set<string | undefined>()
  for (let fillers = 970; fillers < 1_040; fillers += 1) {
    const socket = net.connect(stand.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const start = 'POST /cut HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n'
    socket.write(`${start}${'a:b\r\n'.repeat(fillers)}Content-Length: 5\r\n\r\nhello`)
    const [answer] = await once(socket, 'data')
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer.toString()) ?? []
    statuses.add(status)
    if (status === '200') t.match(answer.toString(), /POST \/cut hello$/, `${fillers}`)
    socket.destroy()
  }
  t.same([...statuses], ['200', '400'])
})

t.test('a reset during the handshake ends nothing', async (t) => {
  const stand = await openStand(t)
  const accepted = once(stand.server, 'connection')
  const socket = net.connect(stand.port, '127.0.0.1')
  socket.write(`GET /ws HTTP/1.1\r\n${UPGRADE_LINES}\r\n`)
  const [peer] = await accepted
  socket.resetAndDestroy()
  await closed(peer)
  await connect(t, stand, 'acme/ann')
})

/** Resolves however the socket ends. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve())
  })
}
