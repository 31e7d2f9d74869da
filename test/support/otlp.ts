import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { fromJSON } from '@grpc/proto-loader'
import type { Test } from 'tap'
import { Watch } from './waiting.js'

type Value = string | number | boolean | null

/** What was exported of a span; ids in hex, as in a `traceparent`. */
export interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly name: string
  readonly kind: string
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, Value>>
  readonly links: readonly string[]
  readonly durationMs: number
  readonly resource: Readonly<Record<string, Value>>
}

/** What a collector does with an export: the status to answer with, or `hang`, which is no answer at all. */
export type Answer = number | 'hang'

/** The other end of OTLP over HTTP: takes exports in protobuf and keeps the spans. */
export class Collector {
  readonly spans: ExportedSpan[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  answer: Answer = 200
  readonly #watch = new Watch()
  #port = 0

  static async start(t: Pick<Test, 'teardown'>): Promise<Collector> {
    const collector = new Collector()
    const sockets = new Set<Socket>()
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const status = collector.#receive(request.url ?? '', request.headers, Buffer.concat(chunks))
      if (status !== null) response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
    })
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('there is no port')
    collector.#port = address.port
    t.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return collector
  }

  /** As in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get base(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get endpoint(): string {
    return `${this.base}/v1/traces`
  }

  /** Resolves when so many spans of a trace are there, to all of them. */
  async trace(traceId: string, spans: number): Promise<readonly ExportedSpan[]> {
    const found = () => this.spans.filter((span) => span.traceId === traceId)
    await this.until(() => found().length >= spans, `${spans} spans of ${traceId}`)
    return found()
  }

  until(check: () => boolean, what: string): Promise<boolean> {
    return this.#watch.until(check, `the collector to get ${what}`)
  }

  #receive(path: string, headers: IncomingHttpHeaders, body: Buffer): number | null {
    this.requests.push({ path, headers })
    if (this.answer === 200) this.spans.push(...spansOf(body))
    this.#watch.changed()
    return this.answer === 'hang' ? null : this.answer
  }
}

/** What we read of opentelemetry/proto: collector/trace/v1, trace/v1, resource/v1 and common/v1. */
const MESSAGES = fromJSON(
  {
    nested: {
      Export: { fields: { resourceSpans: { rule: 'repeated', type: 'ResourceSpans', id: 1 } } },
      ResourceSpans: {
        fields: {
          resource: { type: 'Resource', id: 1 },
          scopeSpans: { rule: 'repeated', type: 'ScopeSpans', id: 2 },
        },
      },
      Resource: { fields: { attributes: { rule: 'repeated', type: 'KeyValue', id: 1 } } },
      ScopeSpans: { fields: { spans: { rule: 'repeated', type: 'Span', id: 2 } } },
      Span: {
        fields: {
          traceId: { type: 'bytes', id: 1 },
          spanId: { type: 'bytes', id: 2 },
          parentSpanId: { type: 'bytes', id: 4 },
          name: { type: 'string', id: 5 },
          kind: { type: 'Kind', id: 6 },
          startTimeUnixNano: { type: 'fixed64', id: 7 },
          endTimeUnixNano: { type: 'fixed64', id: 8 },
          attributes: { rule: 'repeated', type: 'KeyValue', id: 9 },
          links: { rule: 'repeated', type: 'Link', id: 13 },
          status: { type: 'Status', id: 15 },
        },
        nested: {
          Kind: { values: { UNSPECIFIED: 0, INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } },
          Link: { fields: { traceId: { type: 'bytes', id: 1 }, spanId: { type: 'bytes', id: 2 } } },
          Status: { fields: { code: { type: 'int32', id: 3 } } },
        },
      },
      KeyValue: { fields: { key: { type: 'string', id: 1 }, value: { type: 'AnyValue', id: 2 } } },
      AnyValue: {
        oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue'] } },
        fields: {
          stringValue: { type: 'string', id: 1 },
          boolValue: { type: 'bool', id: 2 },
          intValue: { type: 'int64', id: 3 },
          doubleValue: { type: 'double', id: 4 },
        },
      },
    },
  },
  { enums: String, longs: String, defaults: true, oneofs: true, arrays: true },
)
const STATUS_ERROR = 2
const NANOS_PER_MS = 1_000_000n

interface KeyValue {
  readonly key: string
  readonly value: { readonly value: string; readonly intValue: string; readonly [kind: string]: Value }
}
interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[]
  }[]
}
interface DecodedSpan {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly parentSpanId: Buffer
  readonly name: string
  readonly kind: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly KeyValue[]
  readonly links: readonly { readonly traceId: Buffer }[]
  readonly status: { readonly code: number } | null
}

function spansOf(body: Buffer): readonly ExportedSpan[] {
  return decode(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => exported(span, attributesOf(resource.attributes)))),
  )
}

function decode(body: Buffer): Decoded {
  const type = MESSAGES.Export
  if (type === undefined || !('deserialize' in type) || typeof type.deserialize !== 'function')
    throw new Error('there is no such message')
  return Object(type.deserialize(body))
}

const exported = (span: DecodedSpan, resource: ExportedSpan['resource']): ExportedSpan => ({
  traceId: span.traceId.toString('hex'),
  spanId: span.spanId.toString('hex'),
  parentId: span.parentSpanId.length === 0 ? null : span.parentSpanId.toString('hex'),
  name: span.name,
  kind: span.kind,
  failed: span.status?.code === STATUS_ERROR,
  attributes: attributesOf(span.attributes),
  links: span.links.map(({ traceId }) => traceId.toString('hex')),
  durationMs: Number((BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / NANOS_PER_MS),
  resource,
})

function attributesOf(pairs: readonly KeyValue[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      const found = value[value.value] ?? null
      return [key, value.value === 'intValue' ? Number(found) : found]
    }),
  )
}
