import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose'

/** Where the keys are read from, and the only algorithms they may be used with. */
export interface KeySource {
  readonly key: JWTVerifyGetKey
  readonly algorithms: readonly string[]
  /** Seconds by which the issuer's clock may differ from ours. */
  readonly toleranceSeconds: number
}

export interface KeyOptions {
  /** For HS256. Null: tokens of that kind are refused. */
  readonly secret: string | null
  /** For RS256 and ES256. Null: tokens of that kind are refused. */
  readonly jwksUrl: string | null
}

const JWKS_TIMEOUT_MS = 5_000

/**
 * One source for each algorithm, chosen by nothing but the algorithm. A public key
 * therefore never serves as an HMAC secret (RFC 8725 §2.1), and `none` has no source.
 */
export function keySources(options: KeyOptions): ReadonlyMap<string, KeySource> {
  const sources = new Map<string, KeySource>()
  if (options.secret !== null) {
    const secret = new TextEncoder().encode(options.secret)
    sources.set('HS256', { key: () => secret, algorithms: ['HS256'], toleranceSeconds: 0 })
  }
  if (options.jwksUrl !== null) {
    const key = createRemoteJWKSet(new URL(options.jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS })
    for (const algorithm of ['RS256', 'ES256']) {
      sources.set(algorithm, { key, algorithms: [algorithm], toleranceSeconds: 30 })
    }
  }
  return sources
}
