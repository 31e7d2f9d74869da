import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { Failure } from '../../src/model/failure.js'
import { Gateway, type GatewayOptions, type TokenVerifier } from '../../src/sinks/websocket/gateway.js'
import { Hub, type HubOptions } from '../../src/sinks/websocket/hub.js'
import type { ReplayStore } from '../../src/sinks/websocket/replay.js'
import { MemoryPresence } from '../../src/state/memory/presence.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import type { Presence, Relay } from '../../src/streams/ports.js'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'
import { type RecordedLog, recordLog } from '../support/recorded-log.js'

export interface Stand {
  readonly port: number
  readonly hub: Hub
  readonly relay: Relay
  readonly log: RecordedLog
  readonly metrics: Metrics
  readonly server: http.Server
}

export interface StandOptions {
  readonly hub?: Partial<HubOptions>
  readonly gateway?: Partial<GatewayOptions>
  readonly relay?: Relay
  readonly presence?: Presence
  readonly missed?: ReplayStore
  readonly verifier?: TokenVerifier
}

/** A token is `tenant/user`, or `tenant/user/<epoch milliseconds at which it expires>`. */
export const verifier: TokenVerifier = {
  async verify(token) {
    const [tenantId, subject, expiresAt] = token.split('/')
    if (tenantId === undefined || subject === undefined) throw new Failure('unauthenticated', 'no such token')
    return {
      subject,
      tenantId,
      roles: ['user'],
      expiresAt: expiresAt === undefined ? null : Number(expiresAt),
    }
  },
}

/** Nobody has missed anything. */
export const NOTHING_MISSED: ReplayStore = {
  since: async () => [],
  read: async () => [],
  unreadCount: async () => 0,
}

/** An HTTP server with a gateway and a hub. */
export async function openStand(t: Test, options: StandOptions = {}): Promise<Stand> {
  const relay = options.relay ?? new MemoryRelay()
  const log = recordLog()
  const metrics = createMetrics()
  const telemetry = { log, metrics, tracing: NO_TRACING }
  const { presence = new MemoryPresence(new MemoryRelay()), missed = NOTHING_MISSED } = options
  const stores = { relay, presence, missed, clock: { now: () => Date.now() } }
  const hub = new Hub(stores, telemetry, { closeGraceMs: 100, ...options.hub })
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`)
  })
  new Gateway(hub, options.verifier ?? verifier, telemetry, options.gateway).attach(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    await hub.close()
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { port, hub, relay, log, metrics, server }
}

export type Received = Readonly<Record<string, unknown>>

/** A client that keeps what it gets until it is asked for. */
export class Client {
  readonly ws: WebSocket
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #frames: Received[] = []
  #wanted: ((frame: Received) => void) | null = null

  constructor(ws: WebSocket) {
    this.ws = ws
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    ws.on('error', () => {})
    ws.on('message', (data) => {
      const frame = JSON.parse(data.toString())
      if (this.#wanted === null) this.#frames.push(frame)
      else this.#wanted(frame)
      this.#wanted = null
    })
  }

  get unread(): readonly Received[] {
    return this.#frames
  }

  /** The next frame in the order in which they came. */
  async next(): Promise<Received> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return frame
    return new Promise((resolve) => {
      this.#wanted = resolve
    })
  }
}

export interface DialOptions {
  readonly autoPong?: boolean
  /** The last notification that was seen. */
  readonly since?: string
}

/** Connects and takes the welcome. */
export async function connect(
  t: Test,
  stand: Stand,
  token: string,
  options: DialOptions = {},
): Promise<Client> {
  const client = dial(t, stand, token, options)
  await client.next()
  return client
}

export function dial(t: Test, stand: Stand, token: string, { since, ...options }: DialOptions = {}): Client {
  const headers = { authorization: `Bearer ${token}` }
  const query = since === undefined ? '' : `?since=${since}`
  const ws = new WebSocket(`ws://127.0.0.1:${stand.port}/ws${query}`, { headers, ...options })
  t.teardown(() => ws.terminate())
  return new Client(ws)
}

/** Opens a socket by hand, to do with it what no library would. */
export async function rawSocket(t: Test, stand: Stand, token: string): Promise<net.Socket> {
  const socket = net.connect(stand.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(`GET /ws HTTP/1.1\r\n${UPGRADE_LINES}Authorization: Bearer ${token}\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

export const UPGRADE_LINES =
  'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export const UPGRADE_HEADERS = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** Asks for an upgrade and gives the answer, whichever it is; 101 has no body. */
export async function ask(
  stand: Stand,
  path: string,
  headers: http.OutgoingHttpHeaders,
  method = 'GET',
  body = '',
): Promise<Answer> {
  const request = http.request({ port: stand.port, host: '127.0.0.1', path, method, headers, agent: false })
  request.end(body)
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
    })
    request.on('response', async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      })
    })
  })
}
