import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A private key, and what is wrong with it; the text is empty then. */
export interface SigningKey {
  /** PEM. */
  readonly pem: string
  readonly wrong: string | null
}

/** RFC 8301 §3.2: signers must not use less. */
const SHORTEST_BITS = 1_024

/**
 * Reads an RSA key for DKIM.
 * @param given the PEM itself, with line ends or with `\n` as files of environment variables have them, or a file's path
 */
export function readSigningKey(given: string): SigningKey {
  const pem = given.includes('-----BEGIN') ? given.replaceAll('\\n', '\n') : contentOf(given)
  if (pem === null) return no('names a file that cannot be read')
  const key = parsed(pem)
  if (key === null) return no('is not a private key in PEM, without a passphrase')
  if (key.asymmetricKeyType !== 'rsa') {
    return no(`must be an RSA key; this one is ${key.asymmetricKeyType ?? 'of another kind'}`)
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < SHORTEST_BITS)
    return no(`must have at least ${SHORTEST_BITS} bits (RFC 8301); this one has ${bits}`)
  return { pem, wrong: null }
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** What is wrong with a key is not told more closely: OpenSSL's words say nothing to a reader. */
function parsed(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem)
  } catch {
    return null
  }
}

const no = (wrong: string): SigningKey => ({ pem: '', wrong })
