import type { FastifyRequest } from 'fastify'
import { withoutAddresses } from '../../model/address.js'
import { Failure } from '../../model/failure.js'
import type { UserAddress } from '../../streams/ports.js'
import type { Authenticator, Identity, NotificationRecord, Role } from '../ports.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the token is verified. */
    caller: Identity | null
  }
}

const BEARER = /^Bearer +([\w\-.~+/]+=*) *$/i

/** Verifies the bearer token of an `Authorization` header (RFC 6750 §2.1). */
export async function authenticate(
  header: string | undefined,
  authenticator: Authenticator,
): Promise<Identity> {
  if (header === undefined) throw new Failure('unauthenticated', 'send a token as "Authorization: Bearer …"')
  const token = BEARER.exec(header)?.[1]
  if (token === undefined) throw new Failure('unauthenticated', 'the Authorization header must be "Bearer …"')
  return authenticator.verify(token)
}

export function callerOf(request: FastifyRequest): Identity {
  if (request.caller === null) throw new Failure('unauthenticated', 'a token is required')
  return request.caller
}

export const hasRole = (caller: Identity, roles: readonly Role[]): boolean =>
  caller.roles.some((role) => roles.includes(role))

/** Refuses a caller who has none of the roles. */
export function requireRole(caller: Identity, roles: readonly Role[]): void {
  if (!hasRole(caller, roles)) throw new Failure('forbidden', `this needs the role ${roles.join(' or ')}`)
}

/** What of a notification the caller is shown: where else somebody could be reached is for those who send. */
export const shownTo = (caller: Identity, record: NotificationRecord): NotificationRecord =>
  hasRole(caller, ['sender', 'admin']) ? record : { ...record, metadata: withoutAddresses(record.metadata) }

/** Refuses a body that speaks for another tenant than the token does. */
export function requireTenant(caller: Identity, tenantId: string): void {
  if (caller.tenantId !== tenantId) {
    throw Failure.field('forbidden', '/tenant_id', "must be the token's tenant")
  }
}

/** The user whose things are asked for: one's own, or anyone's in the tenant for the given roles. */
export function userFor(caller: Identity, userId: string, roles: readonly Role[]): UserAddress {
  const own = caller.subject === userId && hasRole(caller, ['user'])
  if (!own && !hasRole(caller, roles)) throw new Failure('forbidden', 'these things belong to another user')
  return { tenantId: caller.tenantId, userId }
}
