import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { eventually } from '../support/waiting.js'
import { type Served, serveGrpc } from './grpc-support.js'
import { token } from './support.js'

const SERVICE = 'notification.v1.NotificationService'
const CHECK = '/grpc.health.v1.Health/Check'
const WATCH = '/grpc.health.v1.Health/Watch'
const REFLECT = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const RESOURCE_EXHAUSTED = '8'

const written = join(t.testdir(), 'descriptors.binpb')
await promisify(execFile)(process.execPath, ['scripts/write-descriptors.js', written])
const descriptors = await readFile(written)

function sessionTo(t: Test, { url }: Served): ClientHttp2Session {
  const session = connect(url)
  session.on('error', () => undefined)
  t.teardown(() => session.destroy())
  return session
}

/** A message on the wire. */
function framed(bytes: Uint8Array, packed = false): Buffer {
  const head = Buffer.alloc(5)
  head[0] = packed ? 1 : 0
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function open(
  session: ClientHttp2Session,
  path: string,
  headers: IncomingHttpHeaders = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => undefined)
  return stream
}

/** How a call ends. */
async function statusOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  let headers: IncomingHttpHeaders = {}
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (some: IncomingHttpHeaders) => {
      headers = { ...headers, ...some }
    })
  stream.resume()
  await once(stream, 'end')
  // As clients do: what has its status is over.
  stream.close()
  return headers
}

t.test('what is unpacked is bounded by what the method takes', async (t) => {
  const served = await serveGrpc(t)
  const session = sessionTo(t, served)
  const bomb = framed(gzipSync(Buffer.alloc(3_000_000)), true)
  const user = { authorization: `Bearer ${await token('u1', 't1', ['user'])}` }
  const sender = { authorization: `Bearer ${await token('svc', 't1', ['sender'])}` }
  for (const [path, headers, most] of [
    [CHECK, {}, 4_096],
    [REFLECT, {}, 4_096],
    [`/${SERVICE}/GetUnreadCount`, user, 32_768],
    [`/${SERVICE}/SendNotification`, sender, 2_097_152],
  ] as const) {
    const call = open(session, path, { ...headers, 'grpc-encoding': 'gzip' })
    call.end(bomb)
    const { 'grpc-status': status, 'grpc-message': message } = await statusOf(call)
    t.equal(status, RESOURCE_EXHAUSTED, path)
    t.match(message, `larger%20than%20${most}`, path)
  }
  const plain = open(session, CHECK)
  plain.write(framed(Buffer.alloc(4_097)).subarray(0, 100))
  t.match(await statusOf(plain), { 'grpc-status': RESOURCE_EXHAUSTED }, 'before it has come in')
  const small = open(session, CHECK, { 'grpc-encoding': 'gzip' })
  small.end(framed(gzipSync(Buffer.alloc(0)), true))
  t.match(await statusOf(small), { 'grpc-status': '0' })
})

t.test('reflection answers no faster than it is read', async (t) => {
  const session = sessionTo(t, await serveGrpc(t, { descriptors }))
  const stream = open(session, REFLECT).pause()
  const name = Buffer.from(SERVICE)
  const question = framed(Buffer.concat([Buffer.from([(4 << 3) | 2, name.length]), name]))
  const questions = 2_500
  let taken = false
  stream.write(Buffer.concat(Array.from({ length: questions }, () => question)), () => {
    taken = true
  })
  for (let n = 0; n < 20; n += 1) {
    const check = open(session, CHECK)
    check.end(framed(Buffer.alloc(0)))
    await statusOf(check)
  }
  t.equal(taken, false, 'it waits')
  let bytes = 0
  stream.on('data', (some: Buffer) => {
    bytes += some.length
  })
  stream.end()
  stream.resume()
  await once(stream, 'end')
  t.equal(taken, true)
  t.ok(bytes > questions * 10_000, 'and answers all of them')
})

t.test('there are only so many streams, and a stop ends them', async (t) => {
  const served = await serveGrpc(t)
  const session = sessionTo(t, served)
  const streams = Array.from({ length: 20 }, () => open(session, REFLECT))
  const watch = open(session, WATCH)
  watch.end(framed(Buffer.alloc(0)))
  await once(watch, 'response')
  const surplus = open(session, REFLECT)
  t.match(await statusOf(surplus), {
    'grpc-status': RESOURCE_EXHAUSTED,
    'notification-code': 'too_many_connections',
  })
  const ended = Promise.all(streams.slice(1).map(statusOf))
  streams[0]?.close()
  await eventually(async () => {
    const next = open(session, REFLECT)
    next.end()
    return (await statusOf(next))['grpc-status'] === '0'
  }, 'the place of one that went')
  const goes = statusOf(watch)
  await served.server.close()
  for (const end of [...(await ended), await goes]) t.match(end, { 'grpc-status': '0' })
})

t.test('a stranger stays no longer than a call may take, whatever deadline is named', async (t) => {
  const session = sessionTo(t, await serveGrpc(t, { requestTimeoutMs: 50 }))
  const stream = open(session, REFLECT, { 'grpc-timeout': '100H' })
  t.match(await statusOf(stream), { 'grpc-status': '4', 'notification-code': 'deadline_exceeded' })
})
