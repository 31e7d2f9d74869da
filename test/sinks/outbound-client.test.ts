import type http from 'node:http'
import https from 'node:https'
import t, { type Test } from 'tap'
import { buildConnector } from 'undici'
import { destinationOf, OutboundClient, type OutboundOptions } from '../../src/sinks/outbound/client.js'
import { checkedPeer } from '../../src/sinks/outbound/connector.js'
import { HOOKS_TEST_CERT, HOOKS_TEST_KEY } from './webhook-certificate.js'
import { closedPort, type Receiver, receive, receiveRaw, serve, until } from './webhook-receiver.js'

/** Global unicast, in a block that belongs to nobody: public by its form, and leads nowhere. */
const NOWHERE = { address: '2000::1', family: 6 }
const LOOPBACK = { address: '127.0.0.1', family: 4 }

function open(t: Test, options: Partial<OutboundOptions> = {}) {
  const client = new OutboundClient({
    allowPrivate: true,
    timeoutMs: 600_000,
    maxResponseBytes: 1_000,
    maxConnectionsPerOrigin: 4,
    ...options,
  })
  t.teardown(() => client.close())
  return client
}

const post = (client: OutboundClient, url: string, signal = new AbortController().signal) =>
  client.post(destinationOf(new URL(url)), {
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal,
  })

const guarded = (t: Test, ...addresses: { address: string; family: number }[]) =>
  open(t, { allowPrivate: false, lookup: async () => addresses })

t.test('literal private addresses, however they are written', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const client = guarded(t, LOOPBACK)
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '0',
    '0.0.0.0',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '%31%32%37.0.0.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '169.254.169.254',
    '100.100.100.200',
    'localhost',
    'localhost.',
    'LOCALHOST',
    'sub.localhost',
  ]) {
    const refused = post(client, `http://${host}:${receiver.port}/`)
    await t.rejects(refused, { code: 'ADDRESS_REFUSED' }, host)
  }
  t.equal(receiver.sockets.length, 0)
})

t.test('names that lead to private addresses', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  for (const [address, family] of [
    ['127.0.0.1', 4],
    ['0.0.0.0', 4],
    ['10.1.2.3', 4],
    ['169.254.169.254', 4],
    ['::1', 6],
    ['::', 6],
    ['::ffff:127.0.0.1', 6],
    ['64:ff9b::7f00:1', 6],
    ['2002:7f00:1::', 6],
    ['fe80::1%lo', 6],
  ] as const) {
    for (const protocol of ['http', 'https']) {
      const client = guarded(t, { address, family })
      const refused = post(client, `${protocol}://inside.test:${receiver.port}/`)
      await t.rejects(refused, { code: 'ADDRESS_REFUSED' }, `${protocol} ${address}`)
    }
  }
  t.equal(receiver.sockets.length, 0)
})

t.test('a name with public and private addresses is reached by the public ones only', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const abort = new AbortController()
  const client = open(t, {
    allowPrivate: false,
    lookup: async () => {
      setImmediate(() => abort.abort())
      return [LOOPBACK, NOWHERE]
    },
  })
  await t.rejects(post(client, `http://mixed.test:${receiver.port}/`, abort.signal))
  t.equal(receiver.sockets.length, 0)
})

t.test('a name that changes its mind (DNS rebinding)', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const abort = new AbortController()
  let lookups = 0
  const client = open(t, {
    allowPrivate: false,
    lookup: async () => {
      if (++lookups > 1) return [LOOPBACK]
      setImmediate(() => abort.abort())
      return [NOWHERE]
    },
  })
  const url = `http://rebind.test:${receiver.port}/`
  await t.rejects(post(client, url, abort.signal))
  t.equal(lookups, 1, 'one lookup a connection')
  await t.rejects(post(client, url), { code: 'ADDRESS_REFUSED' })
  t.equal(lookups, 2)
  t.equal(receiver.sockets.length, 0)
})

t.test('connects to the very address that was checked', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  let lookups = 0
  const client = open(t, {
    lookup: async () => {
      lookups += 1
      return [LOOPBACK]
    },
  })
  t.equal((await post(client, `http://no-such-name.test:${receiver.port}/`)).status, 200)
  t.equal(receiver.requests[0]?.headers.host, `no-such-name.test:${receiver.port}`)
  t.equal(lookups, 1)
})

t.test('a connection that ends at a private address after all is given up', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const connect = checkedPeer(buildConnector({}))
  const error = await new Promise<Error | null>((resolve) => {
    const target = { hostname: '127.0.0.1', protocol: 'http:', port: String(receiver.port) }
    connect(target, (...[error]) => resolve(error))
  })
  t.match(error, { code: 'ADDRESS_REFUSED' })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
  t.equal(receiver.requests.length, 0)
})

t.test('TLS checks the certificate against the name, not the address', async (t) => {
  const names: (string | false | null | undefined)[] = []
  const server = https.createServer({ key: HOOKS_TEST_KEY, cert: HOOKS_TEST_CERT }, (_, response) =>
    response.end(),
  )
  server.on('secureConnection', (socket) => names.push(socket.servername))
  const { port } = await serve(t, server)
  const client = open(t, { ca: HOOKS_TEST_CERT, lookup: async () => [LOOPBACK] })
  t.equal((await post(client, `https://hooks.test:${port}/`)).status, 200)
  t.same(names, ['hooks.test'])
  await t.rejects(post(client, `https://other.test:${port}/`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  const distrusting = open(t, { lookup: async () => [LOOPBACK] })
  await t.rejects(post(distrusting, `https://hooks.test:${port}/`), { code: /SELF_SIGNED|UNABLE_TO_VERIFY/ })
})

t.test('keeps the socket for the next request', async (t) => {
  const receiver = await receive(t, (response) => response.end('thank you'))
  const client = open(t)
  for (let i = 0; i < 5; i++) await post(client, receiver.origin)
  t.equal(receiver.sockets.length, 1)
  t.same(client.size, { origins: 1, inUse: 0, idle: 1 })
})

t.test('forgets a socket that the other side closes', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const client = open(t)
  await post(client, receiver.origin)
  receiver.sockets[0]?.destroy()
  await until(() => client.size.origins === 0)
  t.same(client.size, { origins: 0, inUse: 0, idle: 0 })
  t.equal((await post(client, receiver.origin)).status, 200)
})

t.test('does not keep what the receiver asked to close', async (t) => {
  const receiver = await receive(t, (response) => response.setHeader('connection', 'close').end())
  const client = open(t)
  await post(client, receiver.origin)
  await until(() => client.size.origins === 0)
  t.equal((await post(client, receiver.origin)).status, 200)
})

t.test('bounds the sockets to one origin; the rest wait in line', async (t) => {
  const held: http.ServerResponse[] = []
  const receiver = await receive(t, (response) => {
    held.push(response)
    if (held.length < 3) return
    for (const waiting of held.splice(0)) waiting.end()
  })
  const client = open(t, { maxConnectionsPerOrigin: 3 })
  const answers = await Promise.all(Array.from({ length: 30 }, () => post(client, receiver.origin)))
  t.equal(answers.length, 30)
  t.equal(receiver.peak(), 3)
  t.same(client.size, { origins: 1, inUse: 0, idle: 3 })
})

t.test('bounds the idle sockets over all origins', async (t) => {
  const receivers: Receiver[] = []
  for (let i = 0; i < 6; i++) receivers.push(await receive(t, (response) => response.end()))
  const client = open(t, { maxIdleConnections: 2 })
  for (const receiver of receivers) await post(client, receiver.origin)
  t.same(client.size, { origins: 2, inUse: 0, idle: 2 })
  const oldest = receivers.slice(0, 4).flatMap(({ sockets }) => sockets)
  await until(() => oldest.every((socket) => socket.destroyed))
})

t.test('a dead origin does not keep those in line waiting', async (t) => {
  const client = open(t, { maxConnectionsPerOrigin: 1 })
  const url = `http://127.0.0.1:${await closedPort()}/`
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => post(client, url)))
  t.ok(results.every((result) => result.status === 'rejected' && result.reason.code === 'ECONNREFUSED'))
  t.same(client.size, { origins: 0, inUse: 0, idle: 0 })
})

t.test(
  'abort: before, in line, while resolving, in the TLS handshake, while waiting for an answer',
  async (t) => {
    const stuck = await receiveRaw(t, (socket) => socket.resume())
    const reason = new Error('enough')

    t.test('before', async (t) => {
      await t.rejects(post(open(t), stuck.origin, AbortSignal.abort(reason)), reason)
    })

    t.test('while resolving', async (t) => {
      const abort = new AbortController()
      const client = open(t, {
        lookup: () => {
          setImmediate(() => abort.abort(reason))
          return new Promise(() => {})
        },
      })
      await t.rejects(post(client, 'http://slow.test/', abort.signal), reason)
      t.same(client.size, { origins: 0, inUse: 0, idle: 0 })
    })

    t.test('in the TLS handshake', async (t) => {
      const abort = new AbortController()
      const client = open(t)
      const before = stuck.sockets.length
      const sent = post(client, stuck.origin.replace('http:', 'https:'), abort.signal)
      await until(() => stuck.sockets.length > before)
      const socket = stuck.sockets[before]
      abort.abort(reason)
      await t.rejects(sent, reason)
      await until(() => socket?.destroyed === true)
    })

    t.test('in line and waiting for an answer', async (t) => {
      const client = open(t, { maxConnectionsPerOrigin: 1 })
      const [first, second] = [new AbortController(), new AbortController()]
      const before = stuck.sockets.length
      const sent = post(client, stuck.origin, first.signal)
      const inLine = post(client, stuck.origin, second.signal)
      await until(() => stuck.sockets.length > before)
      const socket = stuck.sockets[before]
      second.abort(reason)
      await t.rejects(inLine, reason)
      t.same(client.size, { origins: 1, inUse: 1, idle: 0 })
      first.abort(reason)
      await t.rejects(sent, reason)
      t.same(client.size, { origins: 0, inUse: 0, idle: 0 })
      await until(() => socket?.destroyed === true)
    })
  },
)

t.test('an answer without end is cut off, and its status counts', async (t) => {
  const receiver = await receive(t, (response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  const client = open(t)
  t.equal((await post(client, receiver.origin)).status, 200)
  t.same(client.size, { origins: 0, inUse: 0, idle: 0 })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
  const [written] = receiver.sockets.map((socket) => socket.bytesWritten)
  t.ok(written !== undefined && written < 16e6, 'no more than fits into the buffers of the system')
})

t.test('an answer that announces a gigabyte is not read', async (t) => {
  const receiver = await receive(t, (response) => {
    response.writeHead(200, { 'content-length': 1e9 })
    response.write('x')
  })
  t.equal((await post(open(t), receiver.origin)).status, 200)
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
})

t.test('an answer that drips is cut off, and its status counts', async (t) => {
  const receiver = await receive(t, (response) => {
    response.writeHead(202)
    const drip = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(drip))
  })
  t.equal((await post(open(t, { maxResponseBytes: 1e9 }), receiver.origin)).status, 202)
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
})

t.test('headers without end are cut off', async (t) => {
  const receiver = await receiveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    const more = () => {
      while (!socket.destroyed && socket.write(`X-Filler: ${'x'.repeat(4_000)}\r\n`));
    }
    socket.on('drain', more).resume()
    more()
  })
  await t.rejects(post(open(t), receiver.origin), { code: 'UND_ERR_HEADERS_OVERFLOW' })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
})

t.test('what is not HTTP', async (t) => {
  const receiver = await receiveRaw(t, (socket) => socket.end('220 smtp.example.com ESMTP\r\n'))
  await t.rejects(post(open(t), receiver.origin), { name: 'HTTPParserError' })
})

t.test('an answer that does not come within the limit', async (t) => {
  const receiver = await receive(t, () => {})
  await t.rejects(post(open(t, { timeoutMs: 50 }), receiver.origin), { code: 'UND_ERR_HEADERS_TIMEOUT' })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
})

t.test('close ends what is under way and admits nothing more', async (t) => {
  const receiver = await receive(t, () => {})
  const client = open(t, { maxConnectionsPerOrigin: 1 })
  const sent = Promise.allSettled([post(client, receiver.origin), post(client, receiver.origin)])
  await until(() => receiver.requests.length === 1)
  await client.close()
  for (const result of await sent) t.match(result, { status: 'rejected', reason: { code: 'CLOSED' } })
  await t.rejects(post(client, receiver.origin), { code: 'CLOSED' })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
})
