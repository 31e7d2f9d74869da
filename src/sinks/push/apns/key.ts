import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'

/**
 * Reads a signing key of Apple's.
 * @param key its PEM, in which `\n` may stand for line ends, or the path of the file that holds it
 * @throws Error that says what is wrong and repeats none of it
 */
export function readKey(key: string): string {
  const unusable = (what: string, cause?: unknown): Error =>
    new Error(`channels.push.apns.key (APNS_KEY) cannot be used: ${what}`, { cause })
  let pem = key.replaceAll('\\n', '\n')
  if (!pem.includes('-----BEGIN')) {
    try {
      pem = readFileSync(key, 'utf8')
    } catch (cause) {
      throw unusable('there is no such file, or it cannot be read', cause)
    }
  }
  try {
    if (createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1') return pem
  } catch {
    throw unusable('it is not a key in PEM')
  }
  throw unusable('it is not a key on the curve P-256, as Apple gives them (.p8)')
}
