import type { ClientRequest } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { coded, openTunnel } from './tunnel.js'

declare module 'http' {
  interface Agent {
    /** Not in the types, but what makes an object an agent: `http.request` asks for it by this name. */
    addRequest(request: ClientRequest, options: object): void
  }
}

/** One push goes to one device by one request, and as many as this at once. */
const MAX_SOCKETS = 100
const IDLE_MS = 60_000

export interface PoolOptions {
  /** An HTTP proxy; null: none, whatever the environment says. */
  readonly proxy: string | null
  /** From the DNS look-up to the end of the TLS handshake, in milliseconds. */
  readonly connectMs: number
  /** PEM of the authority to trust instead of the public ones. */
  readonly ca?: string | undefined
}

type Connected = (error: Error | null, stream: Duplex) => void

/** Connections that are kept open between calls, directly or through a proxy. */
export class Pool extends Agent {
  readonly #proxy: URL | null
  readonly #connectMs: number
  /** Also those that the agent does not have yet. */
  readonly #opening = new Set<Socket>()
  #active = 0
  readonly #waiting: (readonly [request: ClientRequest, options: object])[] = []

  constructor({ proxy, connectMs, ca }: PoolOptions) {
    super({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_MS, ...(ca !== undefined && { ca }) })
    this.#proxy = proxy === null ? null : new URL(proxy)
    this.#connectMs = connectMs
  }

  /** Node counts connections once they are there, and so would open any number at once through a proxy. */
  override addRequest(request: ClientRequest, options: object): void {
    if (this.#active >= MAX_SOCKETS) {
      this.#waiting.push([request, options])
      return
    }
    this.#active += 1
    request.once('close', () => {
      this.#active -= 1
      // The connection comes free after this event.
      process.nextTick(() => this.#next())
    })
    super.addRequest(request, options)
  }

  override createConnection(options: RequestOptions, connected?: Connected): Duplex | null | undefined {
    if (this.#proxy === null || connected === undefined) {
      const socket = super.createConnection(options, connected)
      if (socket instanceof Socket) this.#limit(socket)
      return socket
    }
    const { host, port } = options
    const target = { host: host ?? 'localhost', port: Number(port ?? 443) }
    openTunnel(this.#proxy, target, this.#connectMs, (error, socket) => {
      if (socket === null) return connected(error, new Socket())
      connected(null, this.#limit(secured(options, socket)))
    })
    return undefined
  }

  override destroy(): void {
    super.destroy()
    for (const socket of this.#opening) socket.destroy()
  }

  #next(): void {
    for (;;) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      // One that was ended while it waited has told so already.
      if (next[0].destroyed) continue
      this.addRequest(...next)
      return
    }
  }

  #limit<S extends Socket>(socket: S): S {
    this.#opening.add(socket)
    const late = (): void => {
      socket.destroy(coded('CONNECT_TIMEOUT', 'no connection in time'))
    }
    const timer = setTimeout(late, this.#connectMs)
    const opened = (): void => {
      clearTimeout(timer)
      this.#opening.delete(socket)
    }
    socket.once('secureConnect', opened)
    socket.once('close', opened)
    return socket
  }
}

/** The agent's options are those of TLS besides; its types know only some of them. */
const secured = ({ ca, servername, host }: RequestOptions, socket: Socket): TLSSocket =>
  connect({
    socket,
    ...(ca !== undefined && { ca }),
    servername: servername ?? host ?? '',
    ALPNProtocols: ['http/1.1'],
  })
