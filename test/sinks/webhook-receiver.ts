import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Received {
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export interface Receiver {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  readonly requests: readonly Received[]
  /** Sockets ever accepted. */
  readonly sockets: readonly Socket[]
  /** Most sockets open at the same time. */
  readonly peak: () => number
}

/** Counts the sockets of a server, and closes it with them when the test ends. */
export async function serve(t: Test, server: net.Server): Promise<Omit<Receiver, 'requests'>> {
  const sockets: Socket[] = []
  let open = 0
  let peak = 0
  server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    peak = Math.max(peak, ++open)
    socket.on('error', () => {})
    socket.on('close', () => --open)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { port, origin: `http://127.0.0.1:${port}`, sockets, peak: () => peak }
}

/** An HTTP server that keeps what it is sent. */
export async function receive(
  t: Test,
  answer: (response: http.ServerResponse, request: Received) => void,
): Promise<Receiver> {
  const requests: Received[] = []
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const received = {
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    }
    requests.push(received)
    answer(response, received)
  })
  return { ...(await serve(t, server)), requests }
}

/** A server that gets hold of raw sockets. */
export const receiveRaw = (t: Test, onSocket: (socket: Socket) => void): ReturnType<typeof serve> =>
  serve(t, net.createServer(onSocket))

/** A port of the loopback interface on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Lets the event loop turn until the condition holds; the test's own timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
