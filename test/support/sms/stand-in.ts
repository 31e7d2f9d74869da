import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { createServer as createFront, type LookupFunction, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Watch } from '../waiting.js'
import { VENDOR_CERT, VENDOR_KEY } from './certificate.js'

/** What a vendor does with a connection: it answers with a code of its own, or misbehaves. */
export type Behaviour =
  | { readonly code: string }
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'take'
  /** Takes it, and says nothing. */
  | 'hang'
  | 'hang in the handshake'
  | 'hang in the answer'
  | 'drop in the handshake'
  | 'drop before reading'
  | 'drop after reading'
  | 'drop in the answer'
  | 'answer without end'

/** A message that was read, with a signature that is right. */
export interface Taken {
  /** As the vendor wants it. */
  readonly number: string
  readonly template: string | null
  readonly params: string
  readonly text: string | null
  readonly sign: string | null
  /** Ours. */
  readonly id: string
}

export interface VendorAnswer {
  readonly status: number
  readonly body: object
}

/** One vendor's protocol. */
export interface Protocol {
  /** The message, or the code of why it is refused. */
  read(request: IncomingMessage, body: string): Taken | string
  taken(message: Taken): VendorAnswer
  refused(code: string, message: Taken | null): VendorAnswer
}

/** An HTTPS server that speaks a vendor's protocol, checks signatures as the vendor does, and fails as it is told. */
export class StandIn {
  /** Everything that was read with a right signature, whatever was answered. */
  readonly messages: Taken[] = []
  readonly watch = new Watch()
  readonly sockets = new Set<Socket>()
  connections = 0
  /** Requests whose last byte was read. */
  requests = 0
  port = 0
  /** The `Accept-Encoding` of the last request. */
  encodings: string | undefined
  readonly #protocol: Protocol

  /** @param behave may be replaced at any time; `time` is 1 for the first connection */
  private constructor(
    protocol: Protocol,
    public behave: (time: number) => Behaviour,
  ) {
    this.#protocol = protocol
  }

  static async start(
    t: Pick<Test, 'teardown'>,
    protocol: Protocol,
    behave: (time: number) => Behaviour = () => 'take',
  ): Promise<StandIn> {
    const vendor = new StandIn(protocol, behave)
    const server = createServer({ key: VENDOR_KEY, cert: VENDOR_CERT })
    const front = createFront((socket) => {
      vendor.connections += 1
      vendor.sockets.add(socket)
      socket.on('close', () => {
        vendor.sockets.delete(socket)
        vendor.watch.changed()
      })
      socket.on('error', () => undefined)
      const behaviour = vendor.behave(vendor.connections)
      if (behaviour === 'drop in the handshake') socket.destroy()
      else if (behaviour === 'hang in the handshake') socket.resume()
      else server.emit('connection', socket)
      vendor.watch.changed()
    })
    server.on('secureConnection', (socket) => {
      if (vendor.behave(vendor.connections) === 'drop before reading') socket.destroy()
    })
    server.on('tlsClientError', () => undefined)
    server.on('request', (request, response) => {
      vendor.#receive(request, response, vendor.connections).catch(() => response.destroy())
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    const address = front.address()
    if (address === null || typeof address === 'string') throw new Error('there is no port')
    vendor.port = address.port
    t.teardown(() => {
      front.close()
      for (const socket of vendor.sockets) socket.destroy()
    })
    return vendor
  }

  /** Resolves once there is no connection. */
  async quiet(): Promise<void> {
    await this.watch.until(() => this.sockets.size === 0, 'the connections to be closed', 5_000)
  }

  async received(requests: number): Promise<void> {
    await this.watch.until(() => this.requests >= requests, `${requests} requests`)
  }

  async #receive(request: IncomingMessage, response: ServerResponse, time: number): Promise<void> {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const behaviour = this.behave(time)
    const read = this.#protocol.read(request, body)
    this.requests += 1
    this.encodings = request.headers['accept-encoding']?.toString()
    if (typeof read !== 'string') this.messages.push(read)
    this.watch.changed()
    const answer =
      typeof read === 'string'
        ? this.#protocol.refused(read, null)
        : typeof behaviour === 'object' && 'code' in behaviour
          ? this.#protocol.refused(behaviour.code, read)
          : this.#protocol.taken(read)
    this.#answer(response, behaviour, answer)
  }

  #answer(response: ServerResponse, behaviour: Behaviour, { status, body }: VendorAnswer): void {
    const text = JSON.stringify(body)
    const begin = () =>
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length * 2 })
    if (typeof behaviour === 'object' && 'status' in behaviour) {
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '<html>an error</html>')
      return
    }
    switch (behaviour) {
      case 'hang':
        return
      case 'hang in the answer':
        begin().write(text.slice(0, 10))
        return
      case 'drop in the answer':
        begin().write(text.slice(0, 10), () => response.destroy())
        return
      case 'drop after reading':
        response.destroy()
        return
      case 'answer without end': {
        response.writeHead(200, { 'content-type': 'application/json' })
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(16_384)));
        }
        response.on('drain', more)
        more()
        return
      }
      default:
        response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    }
  }
}

/** Every name is this machine. */
export const toThisMachine: LookupFunction = (_name, { all }, found) => {
  if (all) found(null, [{ address: '127.0.0.1', family: 4 }])
  else found(null, '127.0.0.1', 4)
}
