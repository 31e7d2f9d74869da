import type { Static } from 'typebox'
import { Duration, Flag, Port, Size, section } from './values.js'

const KB = 1_024
const MB = 1_048_576
const SECOND = 1_000
const DAY = 24 * 3_600_000

export const grpcSchema = section({
  enabled: Flag,
  port: Port,
  max_message_size: Size(KB, 64 * MB),
  max_connection_age: Duration(SECOND, DAY),
})

export function grpcOf(grpc: Static<typeof grpcSchema>) {
  return {
    enabled: grpc.enabled,
    /** 0: any free port. */
    port: grpc.port,
    /** Of a batch. */
    maxMessageBytes: grpc.max_message_size,
    maxConnectionAgeMs: grpc.max_connection_age,
  }
}
