import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'
const STATUS_AT = 9

/**
 * One kept-alive connection that speaks just enough HTTP/1.1 to be a load: requests are
 * ready-made texts, of an answer only the status and the length are read. It costs a fraction
 * of a real client, and so leaves the machine to what is measured.
 */
export class HttpConnection {
  readonly #socket: Socket
  readonly #onAnswer: (status: number, connection: HttpConnection) => void
  #rest: Buffer | null = null

  private constructor(socket: Socket, onAnswer: (status: number, connection: HttpConnection) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
    socket.on('data', (chunk) => this.#read(chunk))
  }

  static async open(
    url: URL,
    onAnswer: (status: number, connection: HttpConnection) => void,
  ): Promise<HttpConnection> {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    await once(socket, 'connect')
    return new HttpConnection(socket, onAnswer)
  }

  /** When it happened in the caller's time; the caller sends one request at a time. */
  startedAt = 0

  send(request: string): void {
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const headEnd = bytes.indexOf(HEAD_END)
      if (headEnd < 0) break
      const head = bytes.toString('latin1', 0, headEnd)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
      if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`)
      const end = headEnd + HEAD_END.length + length
      if (bytes.length < end) break
      bytes = bytes.subarray(end)
      this.#onAnswer(Number(head.slice(STATUS_AT, STATUS_AT + 3)), this)
    }
    this.#rest = bytes.length === 0 ? null : bytes
  }
}

/** Makes requests that differ in a part of the body of always the same length. */
export function requests(
  url: URL,
  path: string,
  token: string,
  bodyOf: (n: number) => string,
): (n: number) => string {
  const length = Buffer.byteLength(bodyOf(0))
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${url.host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${length}`,
    '',
    '',
  ].join('\r\n')
  return (n) => head + bodyOf(n)
}
