import { SignJWT } from 'jose'
import type { Role } from '../ports.js'

export interface TokenClaims {
  readonly subject: string
  readonly tenantId: string
  readonly roles: readonly Role[]
  readonly expiresInSeconds: number
}

/** Makes a token that an authenticator with the same HS256 secret accepts. */
export function mintToken(secret: string, claims: TokenClaims): Promise<string> {
  const now = Math.floor(Date.now() / 1_000)
  return new SignJWT({ tenant_id: claims.tenantId, roles: [...claims.roles] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(claims.subject)
    .setIssuedAt(now)
    .setExpirationTime(now + claims.expiresInSeconds)
    .sign(new TextEncoder().encode(secret))
}
