import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { importSPKI, jwtVerify } from 'jose'
import type { Test } from 'tap'
import { Watch } from '../waiting.js'
import type { Behaviour } from './behaviour.js'
import { type Certificate, vendorCertificate } from './certificate.js'
import { connectProxy } from './connect-proxy.js'

const PROJECT = 'stand-in'
const EMAIL = 'push@stand-in.iam.gserviceaccount.com'
const UNAUTHENTICATED: Behaviour = { status: 401, reason: 'UNAUTHENTICATED' }
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'

/** A message as FCM's REST reference has it. */
export interface FcmMessage {
  readonly token: string
  readonly notification?: { readonly title: string; readonly body: string }
  readonly data?: Readonly<Record<string, string>>
  readonly android?: Readonly<Record<string, unknown>>
  readonly apns?: Readonly<Record<string, unknown>>
}

/** Google's token endpoint and FCM, by the hosts' own names behind a proxy. */
export class Google {
  /** For `channels.push.fcm`. */
  readonly credentials: string
  readonly proxy: string
  readonly ca: string
  /** What was taken. */
  readonly taken: FcmMessage[] = []
  /** Tokens of the devices that were asked for, whatever was answered. */
  readonly asked: string[] = []
  /** What the proxy was asked to connect to. */
  readonly tunnels: string[] = []
  readonly watch = new Watch()
  accessTokens = 0
  /** Requests of the SDK's that FCM has at this moment, and the most there were. */
  open = 0
  mostOpen = 0
  onMessage: (token: string, time: number) => Behaviour = () => undefined
  onToken: () => Behaviour = () => undefined
  /** Answers of the proxy to CONNECT; 0: none at all. */
  onTunnel: () => number = () => 200
  readonly sockets = new Set<Socket>()
  #valid = ''
  readonly #publicKey: string
  readonly #times = new Map<string, number>()

  private constructor(proxy: string, { cert }: Certificate, keys: { publicKey: string; privateKey: string }) {
    this.proxy = proxy
    this.ca = cert
    this.#publicKey = keys.publicKey
    this.credentials = JSON.stringify({
      type: 'service_account',
      project_id: PROJECT,
      client_email: EMAIL,
      private_key: keys.privateKey,
    })
  }

  static async start(t: Pick<Test, 'teardown'>): Promise<Google> {
    const certificate = await vendorCertificate()
    const keys = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const vendor = createHttps(certificate, (request, response) => void google.#serve(request, response))
    vendor.on('tlsClientError', () => undefined)
    const proxy = connectProxy(
      () => portOf(vendor.address()),
      (socket, request) => google.#tunnel(socket, request),
    )
    for (const server of [vendor, proxy]) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    const google = new Google(`http://127.0.0.1:${portOf(proxy.address())}`, certificate, keys)
    t.teardown(async () => {
      for (const socket of google.sockets) socket.destroy()
      for (const server of [vendor, proxy]) {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      }
    })
    return google
  }

  /** The access token that was given last is not taken any more. */
  revoke(): void {
    this.#valid = ''
  }

  /** Says what the proxy answers. */
  #tunnel(socket: Socket, { url, headers }: IncomingMessage): number {
    this.tunnels.push(`${url} ${headers['proxy-authorization'] ?? ''}`.trim())
    this.sockets.add(socket)
    socket.on('close', () => {
      this.sockets.delete(socket)
      this.watch.changed()
    })
    this.watch.changed()
    return this.onTunnel()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      // The client has ended it.
      return
    }
    const body = Buffer.concat(chunks).toString('utf8')
    const at = `${request.method} ${request.headers.host}${request.url}`
    if (at === 'POST oauth2.googleapis.com/token') return this.#giveToken(body, response)
    if (at === `POST fcm.googleapis.com/v1/projects/${PROJECT}/messages:send`) {
      return this.#take(request, body, response)
    }
    answer(response, 404, { error: { code: 404, message: at, status: 'NOT_FOUND' } })
  }

  /** RFC 7523, as Google checks it. */
  async #giveToken(body: string, response: ServerResponse): Promise<void> {
    this.accessTokens += 1
    this.watch.changed()
    const form = new URLSearchParams(body)
    const key = await importSPKI(this.#publicKey, 'RS256')
    const claims = await jwtVerify(form.get('assertion') ?? '', key, {
      issuer: EMAIL,
      audience: 'https://oauth2.googleapis.com/token',
      algorithms: ['RS256'],
      maxTokenAge: '1h',
    }).catch(() => null)
    const scope = String(claims?.payload.scope).split(' ')
    const act = this.onToken()
    if (act === 'hang') return
    if (act === 'drop' || act === 'goaway') return void response.destroy()
    if (act !== undefined) return answer(response, act.status, { error: act.reason, error_description: 'no' })
    if (
      form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer' ||
      !scope.includes('https://www.googleapis.com/auth/firebase.messaging')
    ) {
      return answer(response, 400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' })
    }
    this.#valid = `access-${this.accessTokens}`
    answer(response, 200, { access_token: this.#valid, expires_in: 3599, token_type: 'Bearer' })
  }

  #take(request: IncomingMessage, body: string, response: ServerResponse): void {
    const { message }: { message: FcmMessage } = JSON.parse(body)
    const { token } = message
    const time = (this.#times.get(token) ?? 0) + 1
    this.#times.set(token, time)
    this.asked.push(token)
    this.open += 1
    this.mostOpen = Math.max(this.open, this.mostOpen)
    response.once('close', () => {
      this.open -= 1
      this.watch.changed()
    })
    this.watch.changed()
    const authorized = request.headers.authorization === `Bearer ${this.#valid}`
    const act = authorized ? this.onMessage(token, time) : UNAUTHENTICATED
    if (act === 'hang') return
    if (act === 'drop' || act === 'goaway') {
      response.destroy()
    } else if (act === undefined) {
      this.taken.push(message)
      answer(response, 200, { name: `projects/${PROJECT}/messages/${this.taken.length}` })
    } else if (act.text !== undefined) {
      response.writeHead(act.status, act.headers).end(act.text)
    } else {
      const about = authorized ? token : null
      answer(response, act.status, errorOf(act.status, act.reason, about), act.headers)
    }
  }
}

/** As the reference shows errors of HTTP v1: the token that is wrong is named by words only. */
function errorOf(code: number, errorCode: string, token: string | null): object {
  const invalidToken = errorCode === 'INVALID_TOKEN'
  const known = invalidToken ? 'INVALID_ARGUMENT' : errorCode
  const message = invalidToken
    ? 'The registration token is not a valid FCM registration token'
    : `Requested entity was refused: ${token}`
  return {
    error: {
      code,
      message,
      status: code === 404 ? 'NOT_FOUND' : known,
      ...(token !== null && { details: [{ '@type': FCM_ERROR, errorCode: known }] }),
    },
  }
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}
