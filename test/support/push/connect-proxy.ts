import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'

/**
 * An HTTP proxy that leads every CONNECT to one port of this machine.
 * @param onTunnel says what is answered; 0: nothing at all
 */
export function connectProxy(
  port: () => number,
  onTunnel: (socket: Socket, request: IncomingMessage) => number,
): Server {
  const proxy = createServer()
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined)
    const status = onTunnel(socket, request)
    if (status === 0) return
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      return
    }
    const onward = connect(port(), '127.0.0.1')
    onward.on('error', () => socket.destroy())
    onward.on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.pipe(onward).pipe(socket)
  })
  return proxy
}
