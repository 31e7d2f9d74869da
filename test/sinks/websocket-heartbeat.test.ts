import { once } from 'node:events'
import t from 'tap'
import { connect, openStand } from './websocket-stand.js'

const FAST = { pingMs: 30, idleMs: 300 }

t.test('who answers pings stays, who does not is cut off', async (t) => {
  const stand = await openStand(t, { hub: FAST })
  const alive = await connect(t, stand, 'acme/ann')
  const dead = await connect(t, stand, 'acme/bob', { autoPong: false })
  await once(dead.ws, 'ping')
  t.match(await dead.closed, { code: 1006 })
  for (let pings = 0; pings < 5; pings += 1) await once(alive.ws, 'ping')
  t.equal(alive.ws.readyState, alive.ws.OPEN)
  t.match(await stand.metrics.socketsDropped.get(), { values: [{ labels: { reason: 'idle' }, value: 1 }] })
})

t.test('any message is a sign of life', async (t) => {
  const stand = await openStand(t, { hub: { ...FAST, floodMessages: 1_000_000 } })
  const talking = await connect(t, stand, 'acme/ann', { autoPong: false })
  const silent = await connect(t, stand, 'acme/ann', { autoPong: false })
  talking.ws.on('ping', () => talking.ws.send('{"type":"ping"}'))
  t.match(await silent.closed, { code: 1006 })
  t.match(await talking.next(), { type: 'pong' })
  t.equal(talking.ws.readyState, talking.ws.OPEN)
})

t.test('the pings of an interval do not come at once', async (t) => {
  const stand = await openStand(t, { hub: { pingMs: 3_000 } })
  const order: number[] = []
  const clients = await Promise.all([1, 2, 3].map(() => connect(t, stand, 'acme/ann')))
  const pinged = clients.map((client, index) => once(client.ws, 'ping').then(() => order.push(index)))
  await Promise.race(pinged)
  t.equal(order.length, 1)
})

t.test('a socket is closed when its token expires, and not before', async (t) => {
  const stand = await openStand(t, { hub: { pingMs: 30, idleMs: 60_000 } })
  const expiresAt = Date.now() + 200
  const brief = await connect(t, stand, `acme/ann/${expiresAt}`)
  const lasting = await connect(t, stand, `acme/ann/${expiresAt + 3_600_000}`)
  t.same(await brief.closed, { code: 4401, reason: 'token expired' })
  t.ok(Date.now() >= expiresAt)
  t.equal(lasting.ws.readyState, lasting.ws.OPEN)
  t.match(await stand.metrics.socketsDropped.get(), { values: [{ labels: { reason: 'expired' }, value: 1 }] })
})
