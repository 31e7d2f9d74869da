import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { Failure } from '../../model/failure.js'
import { refuse } from './refusal.js'

/** Node keeps this many names and values, taken together, unless the server sets `maxHeadersCount`. */
const DEFAULT_KEPT = 2_000

export function asksForWebSocket(request: IncomingMessage): boolean {
  const upgrade = request.headers.upgrade
  // Without the header: it was among those that were dropped. The handshake is refused for what else is missing.
  return upgrade === undefined || upgrade.toLowerCase() === 'websocket'
}

/**
 * Serves a request that asks for another protocol as if it had not, as RFC 9110 §7.8
 * allows. Clients that would like HTTP/2 (Java's `HttpClient` by default) send
 * `Upgrade: h2c` with ordinary requests, and Node hands all of these to `upgrade`
 * listeners. The request goes back to the server as a new connection, without the offer.
 */
export function answerPlainly(server: Server, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  const { rawHeaders } = request
  if (mayBeCut(server, rawHeaders)) {
    // Among the dropped headers may be the one that says where the body ends.
    refuse(stream, Failure.field('validation_failed', 'headers', 'are too many'))
    return
  }
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (/^(upgrade|http2-settings|connection)$/i.test(name)) continue
    lines.push(`${name}: ${rawHeaders[at + 1] ?? ''}`)
  }
  stream.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', stream)
}

/** Node drops what is above its limit without a word. Zero: it keeps all. */
function mayBeCut({ maxHeadersCount }: Server, rawHeaders: readonly string[]): boolean {
  const kept = maxHeadersCount === null ? DEFAULT_KEPT : 2 * maxHeadersCount
  return kept > 0 && rawHeaders.length >= kept
}
