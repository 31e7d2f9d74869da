import { readFile } from 'node:fs/promises'
import type { GrpcOptions } from '../api/grpc/server.js'
import type { Config } from '../config/config.js'

/** Made of the proto files by `npm run build`. */
const DESCRIPTORS = new URL('../descriptors.binpb', import.meta.url)

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
  'descriptors' | 'limits' | 'maxBatchBytes' | 'maxRequestBytes' | 'requestTimeoutMs' | 'maxConnectionAgeMs'
>

/** The gRPC server as configured: at the same host as HTTP, with the same limits. Its libraries are loaded where it is on. */
export async function openGrpc(
  { grpc, server: { host, ...http }, apiRateLimit }: Config,
  ports: Ports,
): Promise<Grpc> {
  if (!grpc.enabled) return OFF
  const { buildGrpcServer } = await import('../api/grpc/server.js')
  const server = buildGrpcServer({
    ...ports,
    descriptors: await readFile(DESCRIPTORS),
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
