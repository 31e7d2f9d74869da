import { once } from 'node:events'
import { createServer } from 'node:net'
import { answering } from '../stand/answering.js'
import { portOf } from '../stand/port.js'

/** Takes every connection and says nothing. */
answering({
  async listen() {
    const server = createServer((socket) => {
      socket.resume()
      // Clients that have waited long enough hang up.
      socket.on('error', () => undefined)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: portOf(server.address()) }
  },
})
