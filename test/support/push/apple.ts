import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { importSPKI, jwtVerify } from 'jose'
import type { Test } from 'tap'
import { Watch } from '../waiting.js'
import type { Behaviour } from './behaviour.js'
import { vendorCertificate } from './certificate.js'

export const KEY_ID = 'ABC123DEFG'
export const TEAM_ID = 'DEF123GHIJ'
export const TOPIC = 'com.example.app'

export interface ApnsPush {
  readonly token: string
  readonly headers: IncomingHttpHeaders
  readonly payload: Readonly<Record<string, unknown>>
}

/** APNs: HTTP/2 over TLS, with provider tokens that are checked as Apple does. */
export class Apple {
  readonly endpoint: string
  readonly ca: string
  readonly key: string
  readonly taken: ApnsPush[] = []
  readonly asked: string[] = []
  readonly watch = new Watch()
  /** Provider tokens that came, each once. */
  readonly providerTokens = new Set<string>()
  readonly sockets = new Set<Socket>()
  /** Connections ever. */
  connections = 0
  onPush: (token: string, time: number) => Behaviour = () => undefined
  readonly #publicKey: string
  readonly #verdicts = new Map<string, Promise<boolean>>()
  readonly #times = new Map<string, number>()

  private constructor(port: number, ca: string, keys: { publicKey: string; privateKey: string }) {
    this.endpoint = `127.0.0.1:${port}`
    this.ca = ca
    this.key = keys.privateKey
    this.#publicKey = keys.publicKey
  }

  static async start(t: Pick<Test, 'teardown'>): Promise<Apple> {
    const certificate = await vendorCertificate()
    const keys = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const server = createSecureServer(certificate)
    server.on('connection', (socket: Socket) => {
      apple.connections += 1
      apple.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        apple.sockets.delete(socket)
        apple.watch.changed()
      })
    })
    const sessions = new Set<ServerHttp2Session>()
    server.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => undefined)
      session.on('close', () => sessions.delete(session))
    })
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined)
      void apple.#serve(stream, headers)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const apple = new Apple(address.port, certificate.cert, keys)
    t.teardown(async () => {
      for (const session of sessions) session.destroy()
      for (const socket of apple.sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    })
    return apple
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of stream) chunks.push(chunk)
    } catch {
      // The client has ended it.
      return
    }
    const [, token = ''] = /^\/3\/device\/([0-9a-f]+)$/i.exec(headers[':path'] ?? '') ?? []
    const time = (this.#times.get(token) ?? 0) + 1
    this.#times.set(token, time)
    this.asked.push(token)
    const refused = await this.#refusal(token, headers)
    const act = refused === null ? this.onPush(token, time) : refused
    this.watch.changed()
    if (stream.destroyed || act === 'hang') return
    if (act === 'drop') {
      for (const socket of this.sockets) socket.destroy()
      return
    }
    if (act === 'goaway') {
      // What was read and not processed: the client may send it again elsewhere.
      const { session } = stream
      session?.goaway(0, (stream.id ?? 1) - 2)
      stream.close(7, () => session?.destroy())
      return
    }
    const id = headers['apns-id'] ?? '123e4567-e89b-12d3-a456-426655440000'
    if (act === undefined) {
      this.taken.push({ token, headers, payload: JSON.parse(Buffer.concat(chunks).toString('utf8')) })
      stream.respond({ ':status': 200, 'apns-id': id }, { endStream: true })
      return
    }
    const { status, reason, timestamp } = act
    stream.respond({ ':status': status, 'apns-id': id })
    stream.end(act.text ?? JSON.stringify({ reason, ...(timestamp !== undefined && { timestamp }) }))
  }

  async #verify(providerToken: string): Promise<boolean> {
    const key = await importSPKI(this.#publicKey, 'ES256')
    const options = { issuer: TEAM_ID, algorithms: ['ES256'], maxTokenAge: '1h', clockTolerance: 5 }
    const verified = await jwtVerify(providerToken, key, options).catch(() => null)
    return verified?.protectedHeader.kid === KEY_ID
  }

  /** What Apple looks at before the device. */
  async #refusal(token: string, headers: IncomingHttpHeaders): Promise<Behaviour | null> {
    const given = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    if (given === undefined) return { status: 403, reason: 'MissingProviderToken' }
    this.providerTokens.add(given)
    const known = this.#verdicts.get(given) ?? this.#verify(given)
    this.#verdicts.set(given, known)
    if (!(await known)) return { status: 403, reason: 'InvalidProviderToken' }
    if (headers[':method'] !== 'POST') return { status: 405, reason: 'MethodNotAllowed' }
    if (token === '') return { status: 404, reason: 'BadPath' }
    if (headers['apns-topic'] !== TOPIC) return { status: 400, reason: 'TopicDisallowed' }
    if (Buffer.byteLength(headers['apns-collapse-id']?.toString() ?? '') > 64) {
      return { status: 400, reason: 'BadCollapseId' }
    }
    const background = headers['apns-push-type'] === 'background'
    if (background && headers['apns-priority'] === '10') return { status: 400, reason: 'BadPriority' }
    return null
  }
}
