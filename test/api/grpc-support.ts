import {
  createRegistry,
  type DescFile,
  type DescMethodUnary,
  type DescService,
  fromJson,
  type JsonValue,
  type Registry,
  toJson,
} from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node'
import type { Test } from 'tap'
import { buildGrpcServer, type GrpcOptions, type GrpcServer } from '../../src/api/grpc/server.js'
import { type Overrides, options, token } from './support.js'

const SERVICE = 'notification.v1.NotificationService'

export type GrpcOverrides = Overrides & Partial<GrpcOptions>

export interface GrpcAnswer {
  readonly message: JsonValue
  /** Initial metadata. */
  readonly header: Headers
}

/** What a client sees of a call that was refused. */
export interface GrpcRefusal {
  readonly status: string
  /** Our own. */
  readonly code: string | null
  readonly message: string
  /** As JSON, by the name of the type. */
  readonly details: Readonly<Record<string, JsonValue>>
}

export interface GrpcCall {
  readonly token?: string | null
  readonly metadata?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A client of another make than the server: connect-node and protobuf-es. Messages are written as JSON. */
export class GrpcClient {
  readonly #sessions: Http2SessionManager
  readonly #transport: ReturnType<typeof createGrpcTransport>
  readonly #registry: Registry
  readonly #token: string

  constructor(url: string, files: readonly DescFile[], token: string) {
    this.#sessions = new Http2SessionManager(url)
    this.#transport = createGrpcTransport({ baseUrl: url, sessionManager: this.#sessions })
    this.#registry = createRegistry(...files)
    this.#token = token
  }

  async call(name: string, message: JsonValue, init: GrpcCall = {}): Promise<GrpcAnswer> {
    const method = this.#method(name)
    const { token: given = this.#token, metadata = {}, timeoutMs, signal } = init
    const headers = { ...(given === null ? {} : { authorization: `Bearer ${given}` }), ...metadata }
    const input = fromJson(method.input, message)
    const answer = await this.#transport.unary(method, signal, timeoutMs, headers, input)
    return {
      message: toJson(method.output, answer.message, { useProtoFieldName: true }),
      header: answer.header,
    }
  }

  /** The refusal of a call that must be refused. */
  async refusal(name: string, message: JsonValue, init: GrpcCall = {}): Promise<GrpcRefusal> {
    try {
      await this.call(name, message, init)
    } catch (error) {
      return this.#refusal(ConnectError.from(error))
    }
    throw new Error(`${name} was not refused`)
  }

  close(): void {
    this.#sessions.abort()
  }

  #method(name: string): DescMethodUnary {
    const service: DescService | undefined = this.#registry.getService(SERVICE)
    const method = service?.methods.find(
      (candidate): candidate is DescMethodUnary =>
        candidate.methodKind === 'unary' && candidate.name === name,
    )
    if (method === undefined) throw new Error(`there is no ${name}`)
    return method
  }

  #refusal(error: ConnectError): GrpcRefusal {
    const details = error.details.flatMap((detail) => {
      if ('desc' in detail) return []
      const schema = this.#registry.getMessage(detail.type)
      if (schema === undefined) throw new Error(`${detail.type} is not known`)
      return error.findDetails(schema).map((found) => [schema.name, toJson(schema, found)] as const)
    })
    return {
      status: Code[error.code],
      code: error.metadata.get('notification-code'),
      message: error.rawMessage,
      details: Object.fromEntries(details),
    }
  }
}

export interface Served {
  readonly server: GrpcServer
  readonly port: number
  readonly url: string
  readonly options: ReturnType<typeof options>
}

/** The server on a free port, ended with the test. */
export async function serveGrpc(t: Pick<Test, 'teardown'>, overrides: GrpcOverrides = {}): Promise<Served> {
  const common = options(overrides)
  const server = buildGrpcServer({
    descriptors: Buffer.alloc(0),
    maxBatchBytes: 8_388_608,
    maxRequestBytes: 1_048_576,
    requestTimeoutMs: 10_000,
    maxConnectionAgeMs: 600_000,
    ...common,
    ...overrides,
  })
  const port = await server.listen('127.0.0.1', 0)
  await server.announce()
  t.teardown(() => server.closeAllConnections())
  return { server, port, url: `http://127.0.0.1:${port}`, options: common }
}

/** A client that is a sender of tenant `t1`. */
export async function clientOf(
  t: Pick<Test, 'teardown'>,
  { url }: { readonly url: string },
  files: readonly DescFile[],
): Promise<GrpcClient> {
  const client = new GrpcClient(url, files, await token('svc', 't1', ['sender']))
  t.teardown(() => client.close())
  return client
}
