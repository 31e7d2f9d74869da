import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { MARK } from './marks.js'
import { Watch } from './waiting.js'

export interface Received {
  /** The `webhook-id` header: the notification. */
  readonly id: string
  readonly path: string
  /** When its last byte was here, epoch milliseconds. */
  readonly at: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** The status to answer with, at once or when it resolves; `time` is 1 for the first request with this id. */
export type Behaviour = (received: Received, time: number) => number | Promise<number>

/** The other end of webhooks: keeps what came, and answers as it is told. */
export class WebhookReceiver {
  readonly requests: Received[] = []
  /** How often each notification came. */
  readonly counts = new Map<string, number>()
  readonly #watch = new Watch()
  #port = 0

  /** @param behaviour may be replaced at any time */
  constructor(public behaviour: Behaviour = () => 200) {}

  static async start(t: Pick<Test, 'teardown'>, behaviour?: Behaviour): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(behaviour)
    const sockets = new Set<Socket>()
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      try {
        for await (const chunk of request) chunks.push(chunk)
      } catch {
        // Cut off before its end: nothing was received.
        return
      }
      const received = {
        id: `${request.headers['webhook-id']}`,
        path: request.url ?? '',
        at: Date.now(),
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      response.writeHead(await receiver.#receive(received)).end()
    })
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('there is no port')
    receiver.#port = address.port
    t.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return receiver
  }

  /** With an address that must not be logged. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/${MARK}/hook`
  }

  get target(): { readonly channel: 'webhook'; readonly metadata: { readonly webhook_url: string } } {
    return { channel: 'webhook', metadata: { webhook_url: this.url } }
  }

  times(id: string): number {
    return this.counts.get(id) ?? 0
  }

  /** Requests beyond the first for each notification. */
  get duplicates(): number {
    return this.requests.length - this.counts.size
  }

  until(check: () => boolean, what: string, withinMs?: number): Promise<boolean> {
    return this.#watch.until(check, `the receiver to get ${what}`, withinMs)
  }

  /** The first request of a notification. */
  async got(id: string): Promise<Received> {
    return this.#watch.until(
      () => this.requests.find((received) => received.id === id),
      `${id} to be received`,
    )
  }

  #receive(received: Received): number | Promise<number> {
    const time = this.times(received.id) + 1
    this.requests.push(received)
    this.counts.set(received.id, time)
    this.#watch.changed()
    return this.behaviour(received, time)
  }
}

export interface Frame {
  readonly type: string
  readonly [field: string]: unknown
}

/** A user's device. */
export class Device {
  readonly frames: Frame[] = []
  closed: { readonly code: number; readonly reason: string } | null = null
  readonly #watch = new Watch()
  #leave: () => void = () => undefined

  /**
   * Resolves when it has been welcomed: from then on it gets everything.
   * @param since the last notification that it has seen
   */
  static async connect(
    t: Pick<Test, 'teardown'>,
    url: string,
    token: string,
    since: string | null = null,
  ): Promise<Device> {
    const query = since === null ? '' : `?since=${since}`
    const device = new Device()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws${query}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    t.teardown(() => socket.terminate())
    device.#leave = () => socket.close()
    socket.on('message', (data) => {
      device.frames.push(JSON.parse(String(data)))
      device.#watch.changed()
    })
    socket.on('close', (code, reason) => {
      device.closed = { code, reason: reason.toString() }
      device.#watch.changed()
    })
    await once(socket, 'open')
    await device.got((frame) => frame.type === 'welcome', 'a welcome')
    return device
  }

  /** Goes offline. */
  async leave(): Promise<void> {
    this.#leave()
    await this.end()
  }

  got(which: (frame: Frame) => boolean, what: string): Promise<Frame> {
    return this.#watch.until(() => this.frames.find(which), `the device to get ${what}`)
  }

  end(withinMs?: number): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#watch.until(() => this.closed, 'the socket to close', withinMs)
  }
}
