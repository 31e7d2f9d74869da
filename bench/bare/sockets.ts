import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Row } from './rows.js'

type Verify = (authorization: string | undefined) => Promise<{ readonly subject: string }>

/** Sockets by user, as the `ws` package gives them. */
export class Sockets {
  readonly #byUser = new Map<string, WebSocket>()

  attach(server: Server, verify: Verify): void {
    const upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      verify(request.headers.authorization).then(
        ({ subject }) =>
          upgrader.handleUpgrade(request, stream, head, (socket) => {
            this.#byUser.set(subject, socket)
            socket.send('{"type":"welcome"}')
          }),
        () => stream.destroy(),
      )
    })
  }

  /** False when the user is offline. */
  send({ id, user_id, title, content, metadata }: Row): boolean {
    const socket = this.#byUser.get(user_id)
    socket?.send(
      JSON.stringify({ type: 'notification', id, title, content, metadata, timestamp: Date.now() }),
    )
    return socket !== undefined
  }

  broadcast(message: { readonly title?: string; readonly content?: string }): void {
    const frame = JSON.stringify({ type: 'notification', ...message })
    for (const socket of this.#byUser.values()) socket.send(frame)
  }
}
