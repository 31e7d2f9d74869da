import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { Failure } from '../../model/failure.js'
import type { Authenticator, Identity } from '../ports.js'
import { identityOf, REQUIRED_CLAIMS } from './claims.js'
import { type KeyOptions, type KeySource, keySources } from './keys.js'

const MAX_TOKEN_LENGTH = 8_192
const MAX_CACHED_TOKENS = 10_000
const MAX_CACHED_CHARACTERS = 16 * 1024 * 1024

/** What makes a token unacceptable; anything else that goes wrong is the key set's fault. */
const TOKEN_ERRORS = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]

export interface AuthenticatorOptions extends KeyOptions {
  /** Epoch milliseconds; tokens live by the system's clock unless a test says otherwise. */
  readonly now?: () => number
}

/** Verifies JWTs (RFC 7519). A verified token is remembered until it expires; a refused one never is. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { now = Date.now } = options
  const sources = keySources(options)
  const verified = new LRUCache<string, Identity>({
    max: MAX_CACHED_TOKENS,
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: (_identity, token) => token.length,
  })
  return {
    async verify(token) {
      const known = verified.get(token)
      if (known !== undefined && known.expiresAt > now()) return known
      const identity = await verify(token, sources, now())
      verified.set(token, identity)
      return identity
    },
  }
}

async function verify(
  token: string,
  sources: ReadonlyMap<string, KeySource>,
  now: number,
): Promise<Identity> {
  const source = sourceOf(token, sources)
  const payload = await jwtVerify(token, source.key, {
    algorithms: [...source.algorithms],
    requiredClaims: REQUIRED_CLAIMS,
    currentDate: new Date(now),
    clockTolerance: source.toleranceSeconds,
  }).then(
    (result) => result.payload,
    (error) => {
      throw failureOf(error)
    },
  )
  return identityOf(payload)
}

function sourceOf(token: string, sources: ReadonlyMap<string, KeySource>): KeySource {
  if (token.length > MAX_TOKEN_LENGTH)
    throw refused(`the token is longer than ${MAX_TOKEN_LENGTH} characters`)
  const source = sources.get(algorithmOf(token))
  if (source !== undefined) return source
  throw refused(`the token's algorithm must be one of ${[...sources.keys()].join(', ')}`)
}

function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? ''
  } catch (error) {
    throw refused('the token is not a JWT', error)
  }
}

function failureOf(error: unknown): Failure {
  if (!TOKEN_ERRORS.some((kind) => error instanceof kind)) {
    return new Failure('store_unavailable', 'the keys of the token issuer cannot be read', {
      retryAfterMs: 5_000,
      cause: error,
    })
  }
  if (error instanceof errors.JWTExpired) return refused('the token has expired', error)
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(`the token's claim ${error.claim} is missing or not valid`, error)
  }
  return refused("the token's signature is not valid", error)
}

const refused = (message: string, cause?: unknown): Failure =>
  new Failure('unauthenticated', message, cause === undefined ? {} : { cause })
