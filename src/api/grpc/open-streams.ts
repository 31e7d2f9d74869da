import { type ServerInterceptingCall, status } from '@grpc/grpc-js'

export const WATCH = '/grpc.health.v1.Health/Watch'

/**
 * By method, how many streams may be open at once in this instance. Whoever reaches the port may open them, and
 * each of reflection may hold answers of some 600 KB that nobody reads.
 */
const MOST: ReadonlyMap<string, number> = new Map([
  [WATCH, 1_000],
  ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 20],
  ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', 20],
])

type Stream = Pick<ServerInterceptingCall, 'sendStatus'>

/** The streams of health and reflection: there are only so many, and a stop ends them. */
export class OpenStreams {
  readonly #open = new Map<string, Set<Stream>>()

  /** False: there are as many as there may be. What is no stream is always let in. */
  admit(path: string, stream: Stream): boolean {
    const most = MOST.get(path)
    if (most === undefined) return true
    const open = this.#open.get(path) ?? new Set()
    if (open.size >= most) return false
    this.#open.set(path, open.add(stream))
    return true
  }

  ended(path: string, stream: Stream): void {
    this.#open.get(path)?.delete(stream)
  }

  /** An open one would hold up the stop. */
  endAll(): void {
    for (const open of this.#open.values())
      for (const stream of open) stream.sendStatus({ code: status.OK, details: 'OK', metadata: null })
  }
}
