import { once } from 'node:events'
import { createServer } from 'node:http'
import { answering } from '../stand/answering.js'
import { portOf } from '../stand/port.js'

/** Takes every webhook and says so. */
answering({
  async listen() {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      request.resume()
      request.on('end', () => response.writeHead(204).end())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: portOf(server.address()) }
  },
})
