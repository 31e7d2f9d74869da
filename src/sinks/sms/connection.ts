import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
import { type LookupFunction, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** An answer of a vendor has a few hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024
/** For an SDK to make what it has out of an answer, once the connection is gone. node-fetch may wait for ever. */
const READING_MS = 100
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/

/** Where the requests of one call go. */
export interface Destination {
  readonly endpoint: URL
  /** PEM of the authority to trust; by default those that Node trusts. */
  readonly ca?: string | undefined
  readonly lookup?: LookupFunction | undefined
}

type Connect = () => Duplex | null | undefined
type Connected = (error: Error | null, stream: Duplex) => void

/**
 * The one connection of one request, which knows how far it came. A connection that is kept for the next
 * request may be closed by the vendor while that goes out, and then nobody knows whether it was taken. And
 * nothing that an SDK does by itself, a retry or a redirect, gets a second one.
 */
export class Connection {
  readonly agent: HttpAgent
  /** Rejects when the connection is cut, and when it is gone and nothing comes of it. */
  readonly whenCut: Promise<never>
  #fail: (reason: Error) => void = () => undefined
  #socket: Socket | null = null
  #reached = false
  #error: Error | null = null
  #answered = 0
  #closed = false
  #reading: NodeJS.Timeout | undefined
  #status: number | null = null

  constructor({ endpoint, ca, lookup }: Destination) {
    const options = { keepAlive: false, maxSockets: 1, ...(lookup && { lookup }), ...(ca && { ca }) }
    const connect = (open: Connect, connected?: Connected) => this.#connect(open, connected)
    this.agent =
      endpoint.protocol === 'https:' ? new TlsAgent(options, connect) : new PlainAgent(options, connect)
    this.whenCut = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    // Whoever waits for it hears it all the same.
    this.whenCut.catch(() => undefined)
  }

  get begun(): boolean {
    return this.#socket !== null
  }

  /** The request may have been written: the connection stood, with TLS agreed on. */
  get reached(): boolean {
    return this.#reached
  }

  /** What the socket said when it failed. */
  get error(): Error | null {
    return this.#error
  }

  /** Of the answer; null when there was none in HTTP. */
  get status(): number | null {
    return this.#status
  }

  get answered(): boolean {
    return this.#answered > 0
  }

  /** Ends the call from our side. */
  cut(reason: Error): void {
    this.#fail(reason)
    this.close()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#reading)
    // And with it its socket.
    this.agent.destroy()
  }

  #connect(open: Connect, connected?: Connected): Duplex | null | undefined {
    if (this.#socket !== null || this.#closed) return handed(noSecond(), connected)
    const socket = open()
    if (!(socket instanceof Socket)) throw new Error('the agent gave no socket')
    this.#socket = socket
    socket.once(this.agent instanceof HttpsAgent ? 'secureConnect' : 'connect', () => {
      this.#reached = true
    })
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.once('close', () => this.#gone())
    this.#countOf(socket)
    return handed(socket, connected)
  }

  #gone(): void {
    if (this.#closed) return
    this.#reading = setTimeout(() => this.#fail(new Error('closed in the middle of an answer')), READING_MS)
  }

  /** Not by a listener of `data`: node-fetch takes one for a sign that a chunked answer was cut off. */
  #countOf(socket: Socket): void {
    const push = socket.push.bind(socket)
    socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk instanceof Buffer) this.#count(chunk)
      return push(chunk, encoding)
    }
  }

  #count(chunk: Buffer): void {
    if (this.#answered === 0) {
      const status = STATUS_LINE.exec(chunk.subarray(0, 16).toString('latin1'))?.[1]
      this.#status = status === undefined ? null : Number(status)
    }
    this.#answered += chunk.length
    if (this.#answered > MAX_ANSWER_BYTES)
      this.cut(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`))
  }
}

/**
 * In place of a further connection: a socket that fails. The agent may ask for one in the first one's event
 * `close`, when a redirect was waiting for that, and what is thrown there nobody catches.
 */
function noSecond(): Socket {
  const socket = new Socket()
  process.nextTick(() => socket.destroy(new Error('a second connection for one request')))
  return socket
}

function handed(socket: Socket, connected?: Connected): Socket | undefined {
  if (connected === undefined) return socket
  connected(null, socket)
  return undefined
}

type Around = (open: Connect, connected?: Connected) => Duplex | null | undefined

class TlsAgent extends HttpsAgent {
  readonly #around: Around

  constructor(options: ConstructorParameters<typeof HttpsAgent>[0], around: Around) {
    super(options)
    this.#around = around
  }

  override createConnection(options: RequestOptions, connected?: Connected): Duplex | null | undefined {
    return this.#around(() => super.createConnection(options), connected)
  }
}

class PlainAgent extends HttpAgent {
  readonly #around: Around

  constructor(options: ConstructorParameters<typeof HttpAgent>[0], around: Around) {
    super(options)
    this.#around = around
  }

  override createConnection(options: ClientRequestArgs, connected?: Connected): Duplex | null | undefined {
    return this.#around(() => super.createConnection(options), connected)
  }
}
