import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'

/**
 * Takes no new connections any more, where others listen on the same port and do. What comes over those that there
 * are is served as before, and its answer tells the client to take another one next time.
 */
export function retire(server: Server): void {
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
  // That of `http.Server` would besides cut connections that are idle: just when a request may be on its way.
  NetServer.prototype.close.call(server)
}
