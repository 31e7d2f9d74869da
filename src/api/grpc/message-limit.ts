import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'

/**
 * Bounds the messages of one call, as they come in and as they are unpacked; to be called before it is started.
 * The library (1.14) has one limit for all methods, and a small message unpacks to a thousand times its size: it
 * keeps a copy of the limit in each call, which nothing public leads to.
 * @param call as the library hands it to the first interceptor
 */
export function limitMessages(call: ServerInterceptingCallInterface, maxBytes: number): void {
  Reflect.set(call, 'maxReceiveMessageSize', maxBytes)
  const decoder: unknown = Reflect.get(call, 'decoder')
  if (typeof decoder === 'object' && decoder !== null) Reflect.set(decoder, 'maxReadMessageLength', maxBytes)
}
