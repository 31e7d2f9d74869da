import { type ClientHttp2Session, connect, constants } from 'node:http2'

const HEAD_BYTES = 5

/**
 * One HTTP/2 connection that speaks just enough gRPC to be a load: requests are ready-made bytes, of an
 * answer only the status is read.
 */
export class GrpcConnection {
  readonly #session: ClientHttp2Session
  readonly #headers: Readonly<Record<string, string>>

  constructor(url: string, path: string, token: string) {
    this.#session = connect(url)
    this.#headers = {
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    }
  }

  /** Resolves to whether the status is OK. */
  call(message: Buffer): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(this.#headers)
      let ok = false
      const read = (headers: Readonly<Record<string, unknown>>): void => {
        ok ||= headers['grpc-status'] === '0'
      }
      stream.on('response', read)
      stream.on('trailers', read)
      stream.on('error', reject)
      stream.on('close', () => resolve(ok))
      stream.resume()
      stream.end(message)
    })
  }

  close(): void {
    this.#session.close()
  }
}

/** A message in its frame: not compressed, and its length. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEAD_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, HEAD_BYTES)
  return frame
}
