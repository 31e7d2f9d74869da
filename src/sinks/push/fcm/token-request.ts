import { type Agent, request } from 'node:https'
import { importPKCS8, SignJWT } from 'jose'
import type { ServiceAccount } from './service-account.js'
import { coded } from './tunnel.js'

const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const LONGEST_ANSWER_BYTES = 64 * 1024

export interface TokenAnswer {
  readonly status: number
  readonly body: string
}

/**
 * Asks Google for an access token of a service account (RFC 7523; Google, "Using OAuth 2.0 for server to server
 * applications"). Not by the SDK: its request takes no notice of the agent, and so of the proxy.
 */
export async function requestToken(
  { clientEmail, privateKey }: ServiceAccount,
  agent: Agent,
  timeoutMs: number,
): Promise<TokenAnswer> {
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(clientEmail)
    .setAudience(TOKEN_URL)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(await importPKCS8(privateKey, 'RS256'))
  return post(new URLSearchParams({ grant_type: GRANT, assertion }).toString(), agent, timeoutMs)
}

function post(form: string, agent: Agent, timeoutMs: number): Promise<TokenAnswer> {
  return new Promise((resolve, reject) => {
    const late = coded('TOKEN_TIMEOUT', 'no answer in time')
    const timer = setTimeout(() => {
      reject(late)
      asked.destroy(late)
    }, timeoutMs)
    const asked = request(TOKEN_URL, {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(form),
      },
    })
    asked.on('error', reject)
    asked.on('response', (answer) => {
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= LONGEST_ANSWER_BYTES) chunks.push(chunk)
        else asked.destroy(coded('TOKEN_TOO_LONG', 'an answer that is too long'))
      })
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    asked.on('close', () => clearTimeout(timer))
    asked.end(form)
  })
}
