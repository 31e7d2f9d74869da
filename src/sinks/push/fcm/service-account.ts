import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** RS256 takes no shorter key (RFC 7518 §3.3). */
const SHORTEST_KEY_BITS = 2048

/** What of a service account's key file is needed to act for it. */
export interface ServiceAccount {
  readonly projectId: string
  readonly clientEmail: string
  /** PEM, PKCS#8. */
  readonly privateKey: string
}

/**
 * Reads a service account's key.
 * @param credentials the JSON itself, or the path of the file that holds it
 * @throws Error that says what is wrong and repeats none of it
 */
export function readServiceAccount(credentials: string): ServiceAccount {
  const text = credentials.trimStart().startsWith('{') ? credentials : read(credentials)
  const { project_id: projectId, client_email: clientEmail, private_key: pem } = fieldsOf(text)
  if (typeof projectId !== 'string' || typeof clientEmail !== 'string' || typeof pem !== 'string') {
    throw unusable('it has no project_id, client_email and private_key: is it the key of a service account?')
  }
  return {
    projectId,
    clientEmail,
    privateKey: rsaKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** In whichever form a tool has put it: PKCS#1 as well. */
function rsaKey(pem: string): KeyObject {
  const key = keyIn(pem)
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa' && bits >= SHORTEST_KEY_BITS) return key
  throw unusable(
    `its private_key is not an RSA key of at least ${SHORTEST_KEY_BITS} bits, as Google gives them`,
  )
}

function keyIn(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw unusable('its private_key is not a key in PEM')
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unusable('there is no such file, or it cannot be read', cause)
  }
}

function fieldsOf(text: string): Partial<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(text)
    return typeof fields === 'object' && fields !== null ? { ...fields } : {}
  } catch {
    // The parser's words hold a piece of the key.
    throw unusable('it is not JSON')
  }
}

const unusable = (what: string, cause?: unknown): Error =>
  new Error(`channels.push.fcm.credentials (FCM_CREDENTIALS) cannot be used: ${what}`, { cause })
