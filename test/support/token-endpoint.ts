import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Login } from '../../src/sinks/email/login.js'

/** What the endpoint answers; `hang` never does, `drop` closes the connection. */
export type TokenAnswer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | 'hang'
  | 'drop'

export interface TokenEndpointStandIn {
  readonly url: string
  /** The forms that came, in order. */
  readonly asked: readonly Readonly<Record<string, string>>[]
}

/** A token endpoint (RFC 6749 §3.2) on this machine. */
export async function startTokenEndpoint(
  t: { teardown(handler: () => Promise<void>): void },
  answer: (time: number) => TokenAnswer,
): Promise<TokenEndpointStandIn> {
  const asked: Record<string, string>[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())))
      give(answer(asked.length), response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('the endpoint does not listen on a port')
  return { url: `http://127.0.0.1:${address.port}/token`, asked }
}

function give(answer: TokenAnswer, response: ServerResponse): void {
  if (answer === 'hang') return
  if (answer === 'drop') {
    response.destroy()
    return
  }
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(text)
}

export const granted = (access_token: string, more: object = {}): TokenAnswer => ({
  status: 200,
  body: { access_token, token_type: 'Bearer', expires_in: 3_600, ...more },
})

/** Somebody whose mailbox is reached with tokens from there. */
export const oauth2 = (tokenUrl: string, refreshToken: string | null = 'refresh-1'): Login => ({
  kind: 'oauth2',
  username: 'mailer@sender.example',
  client: { tokenUrl, clientId: 'client-1', clientSecret: 'hunter2', refreshToken, scope: null },
})
