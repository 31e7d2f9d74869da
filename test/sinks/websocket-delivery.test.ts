import { once } from 'node:events'
import t from 'tap'
import { wire } from '../../src/sinks/websocket/wire.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import type { UserAddress } from '../../src/streams/ports.js'
import { connect, dial, openStand, rawSocket, type Stand } from './websocket-stand.js'

const ann = { tenantId: 'acme', userId: 'ann' }
const frame = (content: object, critical = false) => ({ data: JSON.stringify(content), critical })

t.test('a frame reaches every device of its user, and no one else', async (t) => {
  const stand = await openStand(t)
  const devices = [await connect(t, stand, 'acme/ann'), await connect(t, stand, 'acme/ann')]
  const others = [await connect(t, stand, 'acme/bob'), await connect(t, stand, 'other/ann')]
  t.equal(await stand.relay.toUser(ann, frame({ n: 1 })), 1)
  for (const device of devices) t.same(await device.next(), { n: 1 })
  await stand.relay.toTenant('acme', frame({ n: 2 }))
  await stand.relay.toTenant('other', frame({ n: 3 }))
  for (const device of devices) t.same(await device.next(), { n: 2 })
  t.same(await others[0]?.next(), { n: 2 })
  t.same(await others[1]?.next(), { n: 3 })
})

t.test('frames of every size and script arrive as they were sent, in order', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const texts = [
    '',
    '通知 🔔',
    'x'.repeat(125 - 2),
    'x'.repeat(126 - 2),
    'x'.repeat(65_535 - 2),
    'x'.repeat(65_536 - 2),
  ]
  for (const text of texts) await stand.relay.toUser(ann, { data: JSON.stringify(text), critical: false })
  for (const text of texts) t.equal(await client.next(), text)
  t.equal(wire('x'.repeat(125)).length, 127)
  t.equal(wire('x'.repeat(65_535)).length, 65_539)
})

t.test('the user is offline once the last device has gone', async (t) => {
  const stand = await openStand(t)
  t.equal(await stand.relay.toUser(ann, frame({})), 0)
  const devices = [await connect(t, stand, 'acme/ann'), await connect(t, stand, 'acme/ann')]
  for (const [index, device] of devices.entries()) {
    const gone = stand.log.next('websocket.disconnected')
    device.ws.close()
    await gone
    t.equal(await stand.relay.toUser(ann, frame({})), 1 - index)
  }
  t.match(await stand.metrics.sockets.get(), { values: [{ value: 0 }] })
})

t.test('a client that never reads is dropped, and others get everything in order', async (t) => {
  const stand = await openStand(t)
  const stalled = await rawSocket(t, stand, 'acme/ann')
  stalled.pause()
  const reader = await connect(t, stand, 'acme/ann')
  const padding = 'x'.repeat(64 * 1024)
  const dropped = stand.log.next('websocket.disconnected')
  let sent = 0
  while (stand.log.count('websocket.slow_consumer_dropped') === 0) {
    await stand.relay.toUser(ann, frame({ sent, padding }))
    const got = await reader.next()
    if (got.sent !== sent) t.fail(`got ${got.sent} instead of ${sent}`)
    sent += 1
  }
  t.equal(reader.unread.length, 0)
  await dropped
  t.equal(stand.hub.size, 1, 'it was cut off, though it never answered the close frame')
  await stand.relay.toUser(ann, frame({ last: true }))
  t.match(await reader.next(), { last: true })
  t.same(await drops(stand), { slow_consumer: 1 })
})

t.test('a slow client that still listens is told why', async (t) => {
  const stand = await openStand(t, { hub: { outboxMessages: 2, closeGraceMs: 10_000 } })
  const client = await connect(t, stand, 'acme/ann')
  await fillUp(stand, client.ws)
  for (const n of [1, 2, 3]) await stand.relay.toUser(ann, frame({ n }))
  client.ws.resume()
  t.same(await client.closed, { code: 1013, reason: 'slow consumer' })
})

t.test('a critical frame overtakes what waits', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const filler = await fillUp(stand, client.ws)
  for (const n of [1, 2, 3]) await stand.relay.toUser(ann, frame({ n }))
  for (const n of [8, 9]) await stand.relay.toUser(ann, frame({ n }, true))
  client.ws.resume()
  t.match(await client.next(), { filler })
  for (const n of [8, 9, 1, 2, 3]) t.same(await client.next(), { n })
  await stand.relay.toUser(ann, frame({ n: 10 }))
  t.same(await client.next(), { n: 10 }, 'and everything flows again')
})

t.test('large frames that waited arrive one after the other', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const filler = await fillUp(stand, client.ws)
  const padding = 'x'.repeat(200_000)
  for (const n of [1, 2, 3, 4]) await stand.relay.toUser(ann, frame({ n, padding }))
  client.ws.resume()
  t.match(await client.next(), { filler })
  for (const n of [1, 2, 3, 4]) t.match(await client.next(), { n })
})

t.test('what waits for one socket is limited in bytes too', async (t) => {
  const stand = await openStand(t, { hub: { outboxBytes: 1_000 } })
  const client = await connect(t, stand, 'acme/ann')
  await fillUp(stand, client.ws)
  await stand.relay.toUser(ann, frame({ text: 'x'.repeat(600) }))
  t.equal(stand.log.count('websocket.slow_consumer_dropped'), 0)
  await stand.relay.toUser(ann, frame({ text: 'x'.repeat(600) }))
  t.equal(stand.log.count('websocket.slow_consumer_dropped'), 1)
})

t.test('slow sockets share one budget, which is given back', async (t) => {
  const stand = await openStand(t, { hub: { outboxTotalBytes: 1_000 } })
  const text = 'x'.repeat(600)
  const drops = () => stand.log.count('websocket.slow_consumer_dropped')
  const slow = async (userId: string) => {
    const client = await connect(t, stand, `acme/${userId}`)
    await fillUp(stand, client.ws, { tenantId: 'acme', userId })
    await stand.relay.toUser({ tenantId: 'acme', userId }, frame({ text }))
    return client
  }
  const first = await slow('ann')
  t.equal(drops(), 0)
  await slow('bob')
  t.equal(drops(), 1, 'nothing is left')
  first.ws.resume()
  await first.next()
  t.same(await first.next(), { text })
  const second = await slow('carl')
  t.equal(drops(), 1, 'given back by what was sent')
  const gone = stand.log.next('websocket.disconnected')
  second.ws.terminate()
  await gone
  await slow('dora')
  t.equal(drops(), 1, 'given back by who has gone')
})

t.test('closing says goodbye, cuts off who does not answer, and admits no one', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  await rawSocket(t, stand, 'acme/bob')
  await stand.hub.close()
  t.same(await client.closed, { code: 1001, reason: 'going away' })
  t.equal(stand.hub.size, 0)
  t.equal(await stand.relay.toUser(ann, frame({})), 0)
  t.same(await drops(stand), { shutdown: 2 })
  const refused = dial(t, stand, 'acme/ann')
  const [, response] = await once(refused.ws, 'unexpected-response')
  t.equal(response.statusCode, 503)
  await stand.hub.close()
})

t.test('a relay that refuses is asked again, and the client is welcomed then', async (t) => {
  const relay = new Reluctant(3)
  const stand = await openStand(t, { relay, hub: { pingMs: 30 } })
  const clients = [dial(t, stand, 'acme/ann'), dial(t, stand, 'acme/bob'), dial(t, stand, 'acme/ann')]
  for (const client of clients) t.match(await client.next(), { type: 'welcome' })
  t.equal(stand.log.count('relay.failed'), 1, 'logged once, not for every user')
  t.equal(relay.refusals, 0)
  t.equal(await stand.relay.toUser(ann, frame({ n: 1 })), 1)
  t.same(await clients[2]?.next(), { n: 1 })
})

t.test('a relay that does not answer does not hold up the end', async (t) => {
  const relay = new MemoryRelay()
  relay.leave = () => new Promise(() => {})
  const stand = await openStand(t, { relay })
  const client = await connect(t, stand, 'acme/ann')
  await stand.hub.close()
  t.match(await client.closed, { code: 1001 })
})

/** A relay that refuses the first joins. */
class Reluctant extends MemoryRelay {
  refusals: number

  constructor(refusals: number) {
    super()
    this.refusals = refusals
  }

  override async join(user: UserAddress): Promise<void> {
    if (this.refusals > 0) {
      this.refusals -= 1
      throw new Error('not now')
    }
    return super.join(user)
  }
}

/** Stops the client reading and sends more than the kernel takes, so that what comes next must wait. */
async function fillUp(stand: Stand, ws: { pause(): void }, user: UserAddress = ann): Promise<string> {
  ws.pause()
  const filler = 'x'.repeat(20 * 1024 * 1024)
  await stand.relay.toUser(user, frame({ filler }))
  return filler
}

async function drops(stand: Stand): Promise<Record<string, number>> {
  const { values } = await stand.metrics.socketsDropped.get()
  return Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value]))
}
