import { generateKeyPairSync } from 'node:crypto'

export interface RsaKey {
  /** PEM. */
  readonly privateKey: string
  /** As the `p` of a DKIM record has it. */
  readonly publicKey: string
}

export function rsaKey(modulusLength = 2_048): RsaKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength })
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}
