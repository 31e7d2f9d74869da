import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { type CallerLimits, callerLimit } from '../auth/caller-limit.js'
import type { Authenticator, CallerCounters, Dependency, Notifications } from '../ports.js'
import { readiness } from '../readiness.js'
import { inboxOf } from '../use-cases/inbox.js'
import type { Sending } from '../use-cases/sending.js'
import { gate } from './gate.js'
import { Health } from './health.js'
import { type Methods, methods } from './methods.js'
import { addReflection } from './reflection.js'
import { loadService, type MethodName, methodsOf } from './service.js'
import { unary } from './unary.js'

export interface GrpcOptions {
  readonly sending: Sending
  readonly notifications: Notifications
  readonly authenticator: Authenticator
  readonly limits: CallerLimits
  readonly callerCounters: CallerCounters
  readonly dependencies: readonly Dependency[]
  readonly telemetry: Telemetry
  /** What reflection answers from: a `google.protobuf.FileDescriptorSet`. */
  readonly descriptors: Buffer
  /** True also before requests are taken: health says NOT_SERVING. */
  readonly isShuttingDown: () => boolean
  /** Of a batch, and of every other request. */
  readonly maxBatchBytes: number
  readonly maxRequestBytes: number
  /** For calls that name no deadline. */
  readonly requestTimeoutMs: number
  /** After this a client is asked to connect anew, which lets load balancers spread the load. */
  readonly maxConnectionAgeMs: number
}

export interface GrpcServer {
  /**
   * Resolves to the port.
   * @param port 0: any free one
   */
  listen(host: string, port: number): Promise<number>
  /** Says in health whether this instance is ready, from now on. */
  announce(): Promise<void>
  /** Takes no more calls; resolves when those under way are answered. */
  close(): Promise<void>
  /** Cuts off what is still under way. */
  closeAllConnections(): void
}

const STREAMS_PER_CONNECTION = 250
/** A client that vanished is noticed, and one that says nothing does not stay. */
const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000
const IDLE_MS = 300_000
/** What asks for something by its id. */
const QUESTION_BYTES = 16_384

/** The gRPC server with the service, health and reflection. */
export function buildGrpcServer(options: GrpcOptions): GrpcServer {
  const { sending, notifications, telemetry, maxBatchBytes, maxRequestBytes } = options
  const question = Math.min(QUESTION_BYTES, maxRequestBytes)
  const maxBytes: Readonly<Record<MethodName, number>> = {
    SendNotification: maxRequestBytes,
    SendBulkNotification: maxBatchBytes,
    GetUserNotifications: question,
    MarkAsRead: question,
    GetUnreadCount: question,
  }
  const { interceptor, callers, endStreams } = gate({
    authenticator: options.authenticator,
    countCaller: callerLimit(options.limits, options.callerCounters),
    timeoutMs: options.requestTimeoutMs,
    maxBytes,
    telemetry,
  })
  const server = new Server({ ...connectionOptions(options), interceptors: [interceptor] })
  const definition = loadService()
  const work = methods({ sending, inbox: inboxOf(notifications) })
  const handler = (name: keyof Methods) => unary(name, work[name], callers, telemetry)
  server.addService(methodsOf(definition, maxBytes), {
    SendNotification: handler('SendNotification'),
    SendBulkNotification: handler('SendBulkNotification'),
    GetUserNotifications: handler('GetUserNotifications'),
    MarkAsRead: handler('MarkAsRead'),
    GetUnreadCount: handler('GetUnreadCount'),
  })
  const health = new Health(readiness(options))
  health.addTo(server)
  addReflection(server, options.descriptors)

  return {
    listen: (host, port) => listen(server, `${host.includes(':') ? `[${host}]` : host}:${port}`),
    announce: () => health.start(),
    close: () => {
      health.stop()
      endStreams()
      return new Promise((resolve, reject) => {
        server.tryShutdown((error) => (error ? reject(error) : resolve()))
      })
    },
    closeAllConnections: () => server.forceShutdown(),
  }
}

function connectionOptions(options: GrpcOptions): ServerOptions {
  return {
    // A page of a hundred long notifications is larger than the 4 MB that are usual.
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.max_connection_age_ms': options.maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': options.requestTimeoutMs,
  }
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) resolve(port)
      else reject(new Error(`gRPC cannot listen on ${address}`, { cause }))
    })
  })
}
