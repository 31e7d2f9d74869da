import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { FAILURES, type Failure } from '../../model/failure.js'

/** Answers an upgrade request with a plain HTTP response (problem details, RFC 9457) and closes. */
export function refuse(stream: Duplex, failure: Failure): void {
  if (!stream.writable) {
    stream.destroy()
    return
  }
  const { status, title } = FAILURES[failure.code]
  const body = JSON.stringify({
    type: `/docs/errors#${failure.code}`,
    title,
    status,
    code: failure.code,
    detail: failure.message,
    ...(failure.errors.length > 0 ? { errors: failure.errors } : {}),
  })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headersOf(failure, status),
  ]
  stream.once('finish', () => stream.destroy())
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function headersOf(failure: Failure, status: number): readonly string[] {
  const headers: string[] = []
  if (status === 401) headers.push('WWW-Authenticate: Bearer')
  if (status === 405) headers.push('Allow: GET')
  if (failure.retryAfterMs !== null) headers.push(`Retry-After: ${Math.ceil(failure.retryAfterMs / 1000)}`)
  // The version that a client of another one may fall back to (RFC 6455 §4.2.2).
  if (failure.errors.some(({ field }) => field === 'Sec-WebSocket-Version')) {
    headers.push('Sec-WebSocket-Version: 13')
  }
  return headers
}
