import { once } from 'node:events'
import t from 'tap'
import { connect, openStand, rawSocket } from './websocket-stand.js'

const PING = JSON.stringify({ type: 'ping' })

t.test('a ping is answered', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  client.ws.send(PING)
  t.same(await client.next(), { type: 'pong' })
  client.ws.ping('hello')
  const [data] = await once(client.ws, 'pong')
  t.equal(data.toString(), 'hello')
})

t.test('of anything else the client is told once', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const rubbish = ['', '{', 'null', '[]', '"ping"', '{"type":"subscribe"}', '{"__proto__":{"type":"ping"}}']
  for (const text of rubbish) client.ws.send(text)
  client.ws.send('['.repeat(16_000))
  client.ws.send(Buffer.from(PING), { binary: true })
  client.ws.send(PING)
  t.match(await client.next(), { type: 'error', code: 'not_understood' })
  t.same(await client.next(), { type: 'pong' })
  await stand.relay.toUser({ tenantId: 'acme', userId: 'ann' }, { data: '{"last":true}', critical: false })
  t.same(await client.next(), { last: true })
})

t.test('a message that is too large closes the socket', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  client.ws.send('x'.repeat(16_385))
  t.match(await client.closed, { code: 1009 })
  const fragmented = await connect(t, stand, 'acme/ann')
  for (let part = 0; part < 17; part += 1) fragmented.ws.send('x', { fin: false })
  t.match(await fragmented.closed, { code: 1008 })
})

t.test('a frame that claims to be 100 MB is refused by its header', async (t) => {
  const stand = await openStand(t)
  const socket = await rawSocket(t, stand, 'acme/ann')
  const disconnected = stand.log.next('websocket.disconnected')
  const header = Buffer.alloc(14)
  header.set([0x81, 0xff])
  header.writeBigUInt64BE(100_000_000n, 2)
  socket.write(header)
  await disconnected
  t.match(stand.log.lines.at(-1)?.fields, { code: 1006 })
  t.equal(stand.hub.size, 0)
})

t.test('what breaks the protocol is closed, and the others live on', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const bad = {
    'not masked': [0x81, 0x01, 0x78],
    'a reserved opcode': [0x83, 0x80, 0, 0, 0, 0],
    'not UTF-8': [0x81, 0x81, 0, 0, 0, 0, 0xff],
    'a fragmented ping': [0x09, 0x80, 0, 0, 0, 0],
  }
  for (const [name, bytes] of Object.entries(bad)) {
    const socket = await rawSocket(t, stand, 'acme/bob')
    const ended = once(socket, 'close')
    socket.resume()
    socket.write(Buffer.from(bytes))
    await ended
    t.pass(name)
  }
  client.ws.send(PING)
  t.same(await client.next(), { type: 'pong' })
})

t.test('a flood is stopped', async (t) => {
  const stand = await openStand(t, { hub: { floodMessages: 10 } })
  const client = await connect(t, stand, 'acme/ann')
  for (let sent = 0; sent < 10; sent += 1) client.ws.send(PING)
  for (let got = 0; got < 10; got += 1) t.same(await client.next(), { type: 'pong' })
  client.ws.send(PING)
  t.same(await client.closed, { code: 1008, reason: 'too many messages' })

  const pinging = await connect(t, stand, 'acme/bob')
  for (let sent = 0; sent < 11; sent += 1) pinging.ws.ping()
  t.match(await pinging.closed, { code: 1008 })
  t.match(await stand.metrics.socketsDropped.get(), { values: [{ labels: { reason: 'flood' }, value: 2 }] })
})

t.test('the count of messages begins anew with each window', async (t) => {
  const stand = await openStand(t, {
    hub: { floodMessages: 2, floodWindowMs: 1, pingMs: 30, idleMs: 60_000 },
  })
  const client = await connect(t, stand, 'acme/ann')
  for (let sent = 0; sent < 10; sent += 1) {
    // A window is one tick here, and the slices of a whole interval are thirty.
    await once(client.ws, 'ping')
    client.ws.send(PING)
    t.same(await client.next(), { type: 'pong' })
  }
})
