import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * The HMAC key of a secret: what follows `whsec_` decoded from base64, as Standard Webhooks writes
 * secrets, else the bytes of the text itself. Throws when there is none.
 */
export function signingKey(secret: string): Buffer {
  if (!secret.startsWith(PREFIX)) {
    if (secret === '') throw new Error('the webhook secret is empty')
    return Buffer.from(secret, 'utf8')
  }
  const encoded = secret.slice(PREFIX.length)
  if (!BASE64.test(encoded)) throw new Error('the webhook secret is not base64 after whsec_')
  return Buffer.from(encoded, 'base64')
}

/** HMAC-SHA256 in hexadecimal. */
export function hexSignature(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

/**
 * The value of `webhook-signature`: one signature for each key, so that a receiver may know any of them.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @param timestamp unix seconds
 */
export function standardSignature(
  keys: readonly Buffer[],
  id: string,
  timestamp: number,
  body: string,
): string {
  const signed = `${id}.${timestamp}.${body}`
  return keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`).join(' ')
}
