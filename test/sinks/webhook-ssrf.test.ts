import t, { type Test } from 'tap'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { type WebhookOptions, WebhookSink } from '../../src/sinks/webhook/webhook.js'
import { aNotification } from '../support/notification.js'
import { receive, receiveRaw, until } from './webhook-receiver.js'

const never = new AbortController().signal

/** As it is shipped: public addresses only. */
function open(t: Test, options: Partial<WebhookOptions> = {}) {
  const sink = new WebhookSink({
    secrets: ['a secret'],
    endpoints: { find: async () => null, record: () => undefined },
    allowlist: [],
    allowPrivate: false,
    maxResponseBytes: 1_000,
    version: '1.2.3',
    ...options,
  })
  t.teardown(() => sink.close())
  const outcome = async (webhook_url: string) => {
    try {
      return (await sink.send(aNotification({ metadata: { webhook_url } }), never)).providerId
    } catch (error) {
      if (error instanceof DeliveryFailure) return error.code
      throw error
    }
  }
  return { sink, outcome }
}

t.test('addresses that are not public, in every notation', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const { outcome } = open(t)
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0177.0.0.1',
    '2130706433',
    '0x7f000001',
    '0',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '100.64.0.1',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
    'localhost',
    'localhost.',
    'a.localhost',
    'user@127.0.0.1',
    'example.org@127.0.0.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[fe80::1]',
    '[fe80::1%25lo]',
    '[fe80::1%lo]',
    '[fd00:ec2::254]',
    '[2606:4700::5efe:127.0.0.1]',
  ])
    t.equal(await outcome(`http://${host}:${receiver.port}/`), 'address_refused', host)
  t.equal(receiver.sockets.length, 0)
})

t.test('names that lead to such addresses, at once or the second time (DNS rebinding)', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const name = `http://inside.test:${receiver.port}/`
  for (const address of ['127.0.0.1', '169.254.169.254', '100.64.0.1', '0.0.0.0']) {
    const { outcome } = open(t, { lookup: async () => [{ address, family: 4 }] })
    t.equal(await outcome(name), 'address_refused', address)
  }
  for (const address of [
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fe80::1%lo',
    '2001::1',
  ]) {
    const { outcome } = open(t, { lookup: async () => [{ address, family: 6 }] })
    t.equal(await outcome(name), 'address_refused', address)
  }
  let lookups = 0
  const { outcome } = open(t, {
    timeoutMs: 200,
    lookup: async () => [
      lookups++ === 0 ? { address: '2000::1', family: 6 } : { address: '127.0.0.1', family: 4 },
    ],
  })
  t.match(await outcome(name), /timeout|connection_failed/, 'the address that was checked leads nowhere')
  t.equal(lookups, 1, 'and no other is asked for')
  t.equal(await outcome(name), 'address_refused')
  t.equal(receiver.sockets.length, 0)
})

t.test('a redirect to the metadata of a cloud is not followed', async (t) => {
  const receiver = await receive(t, (response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  )
  const { outcome } = open(t, { allowPrivate: true })
  t.equal(await outcome(receiver.origin), 'rejected')
  t.equal(receiver.requests.length, 1)
})

t.test('answers that are meant to hold us up', async (t) => {
  const endless = await receive(t, (response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  const giant = await receiveRaw(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nX-Filler: ${'x'.repeat(20_000)}\r\n`)
    socket.resume()
  })
  const drip = await receiveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Filler: ')
    const timer = setInterval(() => socket.write('x'), 10)
    socket.on('close', () => clearInterval(timer)).resume()
  })
  const hints = await receiveRaw(t, (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10)
    socket.on('close', () => clearInterval(timer)).resume()
  })
  const { sink, outcome } = open(t, { allowPrivate: true })
  t.equal(await outcome(endless.origin), 'HTTP 200', 'the head says it')
  t.equal(await outcome(giant.origin), 'unavailable')
  for (const { origin, sockets } of [drip, hints]) {
    const notification = aNotification({ metadata: { webhook_url: origin } })
    await t.rejects(sink.send(notification, AbortSignal.timeout(150)), { code: 'timeout' })
    await until(() => sockets.every((socket) => socket.destroyed))
  }
  t.same(sink.size, { origins: 0, inUse: 0, idle: 0 })
})

t.test('an early hint is not the answer', async (t) => {
  const receiver = await receiveRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
      socket.write('HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  t.equal(await open(t, { allowPrivate: true }).outcome(receiver.origin), 'HTTP 202')
})
