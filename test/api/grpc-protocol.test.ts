import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type CallOptions, Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { Acceptance } from '../../src/model/acceptance.js'
import { eventually, Gate } from '../support/waiting.js'
import { GrpcClient, type GrpcOverrides, type Served, serveGrpc } from './grpc-support.js'
import { memoryPorts } from './memory-ports.js'
import { token, VALID } from './support.js'

const PATH = '/notification.v1.NotificationService'
const HEALTH = '/grpc.health.v1.Health'
const NAME = 'notification.v1.NotificationService'
const MB = 1_048_576

interface Outcome {
  readonly error: ServiceError | null
  readonly bytes: Buffer
}

/** Bytes in, bytes out: what messages say is not looked at. */
class RawClient {
  readonly client: Client
  constructor(t: Pick<Test, 'teardown'>, port: number) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    t.teardown(() => this.client.close())
  }

  async call(path: string, bytes: Uint8Array, options: CallOptions = {}, given?: string): Promise<Outcome> {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${given ?? (await token('svc', 't1', ['sender']))}`)
    return new Promise((resolve) => {
      const call = this.client.makeUnaryRequest(
        path,
        (value: Buffer) => value,
        (value: Buffer) => value,
        Buffer.from(bytes),
        metadata,
        options,
        (error, answer) => resolve({ error, bytes: answer ?? Buffer.alloc(0) }),
      )
      this.#last = call
    })
  }

  #last: { cancel(): void } | null = null
  cancel(): void {
    this.#last?.cancel()
  }

  /** The status words that a watch of health brings, and its end as null. */
  watch(name: string): { readonly seen: (number | null)[] } {
    const seen: (number | null)[] = []
    const call = this.client.makeServerStreamRequest(
      `${HEALTH}/Watch`,
      (value: Buffer) => value,
      (value: Buffer) => value,
      field(1, Buffer.from(name)),
    )
    call.on('data', (answer: Buffer) => seen.push(answer[1] ?? 0))
    call.on('error', () => undefined)
    call.on('end', () => seen.push(null))
    return { seen }
  }
}

/** A field of bytes on the wire. */
function field(number: number, value: Uint8Array): Buffer {
  const varint: number[] = []
  let left = value.length
  for (; left > 127; left >>= 7) varint.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint, left]), value])
}

/** `VALID` with more fields. */
const sendBytes = (...more: readonly Buffer[]): Buffer =>
  Buffer.concat([
    field(1, Buffer.from(VALID.tenant_id)),
    field(2, Buffer.from(VALID.user_id)),
    Buffer.from([0x18, 5]),
    field(9, Buffer.from(VALID.title)),
    field(10, Buffer.from(VALID.content)),
    ...more,
  ])

const codeOf = ({ error }: Outcome): unknown => error?.metadata.get('notification-code')[0]

async function refusedBy(served: Served, code: string): Promise<number> {
  const { values } = await served.options.telemetry.metrics.grpcRefused.get()
  return values.find(({ labels }) => labels.code === code)?.value ?? 0
}

/** Requests wait until the gate is opened. */
function held(): {
  readonly overrides: GrpcOverrides
  readonly gate: Gate
  readonly submitted: () => number
} {
  const ports = memoryPorts()
  const gate = new Gate()
  let submitted = 0
  const submit = async (...args: Parameters<typeof ports.intake.submit>): Promise<Acceptance> => {
    submitted += 1
    await gate.opened
    return ports.intake.submit(...args)
  }
  return { overrides: { ...ports, intake: { ...ports.intake, submit } }, gate, submitted: () => submitted }
}

t.test('the service is found, described and called by reflection', async (t) => {
  const written = join(t.testdir(), 'descriptors.binpb')
  await promisify(execFile)(process.execPath, ['scripts/write-descriptors.js', written])
  const { port, url } = await serveGrpc(t, { descriptors: await readFile(written) })
  const { client } = new RawClient(t, port)
  for (const version of ['v1', 'v1alpha']) {
    const ask = async (request: Buffer): Promise<Buffer> => {
      const call = client.makeBidiStreamRequest(
        `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        (value: Buffer) => value,
        (value: Buffer) => value,
      )
      call.end(request)
      const [answer] = await once(call, 'data')
      return answer
    }
    const listed = await ask(field(7, Buffer.from('*')))
    t.match(listed.toString('latin1'), NAME)
    t.match(listed.toString('latin1'), 'grpc.health.v1.Health')
    const described = await ask(field(4, Buffer.from(NAME)))
    const files = fromBinary(FileDescriptorSetSchema, descriptorsIn(described))
    const known = createFileRegistry({ ...files, file: sorted(files.file) })
    const file = [...known.files].find(({ proto }) => proto.package === 'notification.v1')
    if (file === undefined) throw new Error('it is not described')
    const caller = new GrpcClient(url, [file], await token('svc', 't1', ['sender']))
    t.teardown(() => caller.close())
    t.match(await caller.call('SendNotification', { ...VALID, channel: 'CHANNEL_IN_APP' }), {
      message: { status: 'STATUS_SENT' },
    })
  }
  t.match(await new RawClient(t, port).call(`${PATH}/Nothing`, Buffer.alloc(0)), {
    error: { code: status.UNIMPLEMENTED },
  })
})

t.test('a deadline that passes ends the call, and is counted', async (t) => {
  const { overrides, gate, submitted } = held()
  const served = await serveGrpc(t, overrides)
  const client = new RawClient(t, served.port)
  const late = await client.call(`${PATH}/SendNotification`, sendBytes(), { deadline: Date.now() + 150 })
  t.equal(late.error?.code, status.DEADLINE_EXCEEDED)
  await eventually(
    async () => (await refusedBy(served, 'deadline_exceeded')) === 1,
    'the deadline to be counted',
  )
  t.equal(submitted(), 1)
  gate.open()
})

t.test('a call that names no deadline has the one of the server', async (t) => {
  const { overrides, gate } = held()
  const served = await serveGrpc(t, { ...overrides, requestTimeoutMs: 100 })
  const outcome = await new RawClient(t, served.port).call(`${PATH}/SendNotification`, sendBytes())
  t.equal(outcome.error?.code, status.DEADLINE_EXCEEDED)
  t.equal(codeOf(outcome), 'deadline_exceeded')
  gate.open()
})

t.test('a call that is cancelled is counted as that, and before it was submitted does nothing', async (t) => {
  const { overrides, gate, submitted } = held()
  const door = new Gate()
  const asked = new Gate()
  const authenticator = {
    verify: async () => {
      asked.open()
      await door.opened
      return { subject: 'svc', tenantId: 't1', roles: ['sender'] as const, expiresAt: Date.now() + 60_000 }
    },
  }
  const served = await serveGrpc(t, { ...overrides, authenticator })
  const client = new RawClient(t, served.port)
  const outcome = client.call(`${PATH}/SendNotification`, sendBytes())
  await asked.opened
  client.cancel()
  t.equal((await outcome).error?.code, status.CANCELLED)
  await eventually(async () => (await refusedBy(served, 'cancelled')) === 1, 'the call to be counted')
  door.open()
  const waiting = client.call(`${PATH}/SendNotification`, sendBytes())
  await eventually(async () => submitted() > 0, 'the second call to be submitted')
  t.equal(submitted(), 1, 'the first one was not')
  gate.open()
  t.equal((await waiting).error, null)
  t.equal(await refusedBy(served, 'cancelled'), 1)
})

t.test('messages that are too large or broken are refused with a code', async (t) => {
  const served = await serveGrpc(t)
  const client = new RawClient(t, served.port)
  const content = (bytes: number): Buffer => field(10, Buffer.alloc(bytes, 'x'))
  const large = await client.call(`${PATH}/SendNotification`, sendBytes(content(1.5 * MB)))
  t.equal(large.error?.code, status.RESOURCE_EXHAUSTED)
  t.equal(codeOf(large), 'payload_too_large')
  const far = await client.call(`${PATH}/SendBulkNotification`, sendBytes(content(17 * MB)))
  t.equal(far.error?.code, status.RESOURCE_EXHAUSTED)
  const broken = await client.call(`${PATH}/SendNotification`, Buffer.from([0xff, 0xff, 0xff]))
  t.equal(broken.error?.code, status.INVALID_ARGUMENT)
  t.equal(codeOf(broken), 'malformed_body')
  const proto = field(
    11,
    field(1, Buffer.concat([field(1, Buffer.from('__proto__')), field(2, field(3, Buffer.from('x')))])),
  )
  t.equal(codeOf(await client.call(`${PATH}/SendNotification`, sendBytes(proto))), 'malformed_body')
  // A number that JSON has not: NaN, as a double.
  const nan = Buffer.concat([Buffer.from([0x11]), Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f])])
  const number = field(11, field(1, Buffer.concat([field(1, Buffer.from('n')), field(2, nan)])))
  t.match(await client.call(`${PATH}/SendNotification`, sendBytes(number)), {
    error: { details: '/metadata/n must be a finite number' },
  })
  // The first half of a character, which JSON could not say either.
  const half = field(11, field(1, Buffer.concat([field(1, Buffer.from([0xed, 0xa0, 0x80])), field(2, nan)])))
  t.equal(
    (await client.call(`${PATH}/SendNotification`, sendBytes(half))).error?.code,
    status.INVALID_ARGUMENT,
  )
  t.equal((await client.call(`${PATH}/SendNotification`, sendBytes())).error, null, 'it goes on')
})

t.test('what is no gRPC at all is turned away, and harms nobody', async (t) => {
  const { port } = await serveGrpc(t)
  for (const text of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\u0000\u0001garbage\r\n'.repeat(50)]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(text)
    await once(socket, 'close')
  }
  const { error } = await new RawClient(t, port).call(`${PATH}/SendNotification`, sendBytes())
  t.equal(error, null)
})

t.test('health says what /ready says, and everybody to go elsewhere at a stop', async (t) => {
  let up = true
  const { overrides, gate, submitted } = held()
  const dependencies = [{ name: 'postgres', required: true, check: async () => up }]
  const served = await serveGrpc(t, { ...overrides, dependencies })
  const client = new RawClient(t, served.port)
  const check = async (name: string) =>
    (await client.call(`${HEALTH}/Check`, field(1, Buffer.from(name)))).bytes[1]
  t.equal(await check(''), 1)
  t.equal(await check(NAME), 1)
  t.equal((await client.call(`${HEALTH}/Check`, field(1, Buffer.from('x')))).error?.code, status.NOT_FOUND)
  const { seen } = client.watch(NAME)
  const { seen: unknown } = client.watch('x')
  await eventually(async () => seen.length === 1 && unknown.length === 1, 'the first words')
  up = false
  await eventually(async () => seen.length === 2, 'the watch to hear of it')
  up = true
  await eventually(async () => seen.length === 3, 'the watch to hear of it again')

  const waiting = client.call(`${PATH}/SendNotification`, sendBytes())
  await eventually(async () => submitted() === 1, 'the call to be under way')
  const closed = served.server.close()
  await eventually(async () => seen.at(-1) === null, 'the watch to end')
  t.same(seen, [1, 2, 1, 2, null])
  t.same(unknown, [3, null])
  gate.open()
  t.equal((await waiting).error, null, 'what was under way is answered')
  await closed
  t.equal((await client.call(`${PATH}/SendNotification`, sendBytes())).error?.code, status.UNAVAILABLE)
})

t.test('calls that do not end are cut off', async (t) => {
  const { overrides, submitted } = held()
  const served = await serveGrpc(t, overrides)
  const client = new RawClient(t, served.port)
  const waiting = client.call(`${PATH}/SendNotification`, sendBytes())
  await eventually(async () => submitted() === 1, 'the call to be under way')
  const closed = served.server.close()
  served.server.closeAllConnections()
  await closed
  t.ok((await waiting).error)
})

/** The files in an answer of reflection, as a set. */
function descriptorsIn(answer: Buffer): Buffer {
  // Field 4 of the answer is the list, whose field 1 is each file: the same as in FileDescriptorSet.
  for (let at = 0; at < answer.length; ) {
    const tag = answer[at] ?? 0
    let length = 0
    let shift = 0
    at += 1
    for (;;) {
      const byte = answer[at] ?? 0
      at += 1
      length |= (byte & 127) << shift
      shift += 7
      if (byte < 128) break
    }
    if (tag === ((4 << 3) | 2)) return answer.subarray(at, at + length)
    at += length
  }
  throw new Error('the answer describes no file')
}

type File = ReturnType<typeof fromBinary<typeof FileDescriptorSetSchema>>['file'][number]

/** They come with what they need, but in no order; a registry wants the needed ones first. */
function sorted(files: readonly File[]): File[] {
  const order: File[] = []
  const add = (file: File): void => {
    if (order.includes(file)) return
    for (const name of file.dependency) {
      const needed = files.find((candidate) => candidate.name === name)
      if (needed !== undefined) add(needed)
    }
    order.push(file)
  }
  for (const file of files) add(file)
  return order
}
