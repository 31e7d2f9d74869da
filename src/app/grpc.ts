import { buildGrpcServer, type GrpcOptions } from '../api/grpc/server.js'
import type { Config } from '../config/config.js'

export interface Grpc {
  /** Resolves to where it listens, or to null where it is switched off. */
  listen(): Promise<string | null>
  /** Says in health whether this instance is ready, from now on. */
  announce(): Promise<void>
  close(): Promise<void>
  closeAllConnections(): void
}

const OFF: Grpc = {
  listen: async () => null,
  announce: async () => undefined,
  close: async () => undefined,
  closeAllConnections: () => undefined,
}

type Ports = Omit<
  GrpcOptions,
  'limits' | 'maxBatchBytes' | 'maxRequestBytes' | 'requestTimeoutMs' | 'maxConnectionAgeMs'
>

/** The gRPC server as configured: at the same host as HTTP, with the same limits. */
export function openGrpc({ grpc, server: { host, ...http }, apiRateLimit }: Config, ports: Ports): Grpc {
  if (!grpc.enabled) return OFF
  const server = buildGrpcServer({
    ...ports,
    limits: apiRateLimit,
    maxBatchBytes: grpc.maxMessageBytes,
    maxRequestBytes: Math.min(http.bodyLimitBytes, grpc.maxMessageBytes),
    requestTimeoutMs: http.requestTimeoutMs,
    maxConnectionAgeMs: grpc.maxConnectionAgeMs,
  })
  return {
    ...server,
    listen: async () => {
      const port = await server.listen(host, grpc.port)
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    },
  }
}
