import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
/** NIST SP 800-38D §5.2.1.1 and §5.2.1.2. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Keeps texts in a store so that whoever reads the store alone cannot read them. */
export class Sealing {
  /** The one that seals first. */
  readonly #keys: readonly Buffer[]

  /**
   * @param secrets the first one seals; the others open what was sealed with them before
   * @param purpose so that what is sealed for one purpose cannot be opened for another
   */
  constructor(secrets: readonly string[], purpose: string) {
    this.#keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES)))
  }

  /** @param owner what the text belongs to: with another owner it cannot be opened */
  seal(text: string, owner: string): string {
    const [key] = this.#keys
    if (key === undefined) throw new Error('there is no key to seal with')
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(owner))
    const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(sealed).toString('base64')
  }

  /** Null when it was sealed with another secret, for another owner, or was changed. */
  open(sealed: string, owner: string): string | null {
    const bytes = Buffer.from(sealed, 'base64')
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
    for (const key of this.#keys) {
      const text = opened(key, bytes, owner)
      if (text !== null) return text
    }
    return null
  }
}

function opened(key: Buffer, bytes: Buffer, owner: string): string | null {
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(-TAG_BYTES))
  const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    // The only thing that `final` can say: the tag is not that of this key.
    return null
  }
}
