import { Failure } from '../../model/failure.js'
import { type Identity, ROLES, type Role } from '../ports.js'

/** What a token must carry to name a caller, besides `exp`. */
export const REQUIRED_CLAIMS = ['exp', 'sub', 'tenant_id', 'roles']

const NAME = /^[^\p{Cc}\p{Surrogate}]{1,64}$/u

/**
 * Turns verified claims into an identity. Roles that we do not know are ignored,
 * because an issuer may serve more than us; at least one must be ours.
 * @throws Failure `unauthenticated` naming the claim
 */
export function identityOf(claims: Readonly<Record<string, unknown>>): Identity {
  const { exp, roles } = claims
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw refuse('exp must be a number')
  if (!Array.isArray(roles)) throw refuse(`roles must be an array of ${ROLES.join(', ')}`)
  const known = ROLES.filter((role: Role) => roles.includes(role))
  if (known.length === 0) throw refuse(`roles must hold one of ${ROLES.join(', ')}`)
  return {
    subject: name(claims, 'sub'),
    tenantId: name(claims, 'tenant_id'),
    roles: known,
    expiresAt: exp * 1_000,
  }
}

function name(claims: Readonly<Record<string, unknown>>, claim: string): string {
  const value = claims[claim]
  if (typeof value === 'string' && NAME.test(value)) return value
  throw refuse(`${claim} must be a string of 1 to 64 characters without control characters`)
}

const refuse = (message: string): Failure => new Failure('unauthenticated', `the token's claim ${message}`)
