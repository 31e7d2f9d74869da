import type { IncomingMessage } from 'node:http'
import { Failure } from '../../model/failure.js'
import { madeAt } from '../../model/id.js'
import type { Since, UserAddress } from '../../streams/ports.js'

/** The subprotocol that is spoken; a client that offers any must offer this one. */
export const SUBPROTOCOL = 'notification.v1'
/** A browser cannot set headers, so a token may ride along as a subprotocol that is never chosen. */
const BEARER_SUBPROTOCOL = 'bearer.'
/** 16 bytes in base64 (RFC 6455 §4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/

/** What a client asks for. */
export interface Handshake {
  readonly token: string
  readonly userId: string | null
  readonly tenantId: string | null
  /** The last notification that it has seen; null: it wants to hear of nothing before. */
  readonly since: Since | null
}

/** Reads an upgrade request. Throws the `Failure` with which it is refused. */
export function readHandshake(request: IncomingMessage, origins: readonly string[]): Handshake {
  const { headers, method, url = '' } = request
  if (method !== 'GET') throw new Failure('method_not_allowed', 'a WebSocket is opened with GET')
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) throw malformed('Sec-WebSocket-Key', 'is not valid')
  if (headers['sec-websocket-version'] !== '13') throw malformed('Sec-WebSocket-Version', 'must be 13')
  refuseForeign(headers.origin, origins)

  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (protocols[0] !== '' && !protocols.includes(SUBPROTOCOL)) {
    throw malformed('Sec-WebSocket-Protocol', `must offer ${SUBPROTOCOL}`)
  }
  const query = new URLSearchParams(url.slice(pathOf(url).length))
  const token = bearer(headers.authorization) ?? offered(protocols) ?? single(query, 'token')
  if (token === null || token === '') throw new Failure('unauthenticated', 'a bearer token is required')
  return {
    token,
    userId: single(query, 'user_id'),
    tenantId: single(query, 'tenant_id'),
    since: readSince(single(query, 'since')),
  }
}

/** A broadcast has no row, but its id tells when it was sent. */
function readSince(id: string | null): Since | null {
  if (id === null || id === '') return null
  const at = madeAt(id)
  if (at !== null && id.startsWith('notif_')) return { id }
  if (at !== null && id.startsWith('broadcast_')) return { at }
  throw malformed('since', 'must be the id of a notification')
}

/** Whose sockets a token opens: only those of its own subject, whatever the role. */
export function addressOf(
  handshake: Handshake,
  token: { readonly subject: string; readonly tenantId: string },
): UserAddress {
  const { subject, tenantId } = token
  if ((handshake.userId ?? subject) !== subject)
    throw new Failure('forbidden', 'user_id is not the subject of the token')
  if ((handshake.tenantId ?? tenantId) !== tenantId) {
    throw new Failure('forbidden', 'tenant_id is not the tenant of the token')
  }
  return { tenantId, userId: subject }
}

export const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''

/**
 * With no list any origin may connect: a token is asked for and cookies are not looked
 * at, so a foreign page has nothing to ride on. Clients that are no browsers send no origin.
 */
function refuseForeign(origin: string | undefined, origins: readonly string[]): void {
  if (origin === undefined || origins.length === 0 || origins.includes(origin.toLowerCase())) return
  throw new Failure('forbidden', 'this origin may not connect')
}

function bearer(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null
}

function offered(protocols: readonly string[]): string | null {
  return (
    protocols.find((name) => name.startsWith(BEARER_SUBPROTOCOL))?.slice(BEARER_SUBPROTOCOL.length) ?? null
  )
}

function single(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name)
  if (values.length > 1) throw malformed(name, 'is given more than once')
  return values[0] ?? null
}

function malformed(field: string, message: string): Failure {
  return Failure.field('validation_failed', field, message)
}
