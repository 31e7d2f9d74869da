import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'
const TEXT = 0x81
const LENGTH_16 = 126

export type OnFrame = (bytes: Buffer, start: number, end: number) => void

/**
 * A WebSocket that only listens, and costs the receiving side as little as can be. It is open
 * once the welcome frame is here: from then on it gets what is sent to its user.
 */
export class SocketClient {
  readonly #socket: Socket
  readonly #onFrame: OnFrame
  #rest: Buffer | null = null

  private constructor(socket: Socket, onFrame: OnFrame) {
    this.#socket = socket
    this.#onFrame = onFrame
  }

  static async open(url: URL, token: string, onFrame: OnFrame): Promise<SocketClient> {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    await once(socket, 'connect')
    socket.write(
      [
        'GET /ws HTTP/1.1',
        `Host: ${url.host}`,
        `Authorization: Bearer ${token}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        '',
        '',
      ].join('\r\n'),
    )
    const client = new SocketClient(socket, onFrame)
    await client.#welcomed()
    return client
  }

  close(): void {
    this.#socket.destroy()
  }

  #welcomed(): Promise<void> {
    return new Promise((resolve, reject) => {
      let bytes = Buffer.alloc(0)
      const onEnd = (): void => reject(new Error(`no WebSocket: ${bytes.toString('latin1', 0, 300)}`))
      const onData = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk])
        const head = bytes.indexOf(HEAD_END)
        if (head < 0 || !bytes.includes('"welcome"')) return
        this.#socket.off('data', onData)
        this.#socket.off('close', onEnd)
        this.#socket.on('data', (data) => this.#read(data))
        const rest = afterFirstFrame(bytes.subarray(head + HEAD_END.length))
        if (rest.length > 0) this.#read(rest)
        resolve()
      }
      this.#socket.on('data', onData)
      this.#socket.on('close', onEnd)
    })
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (let frame = frameAt(bytes, at); frame !== null; frame = frameAt(bytes, at)) {
      if (bytes[at] === TEXT) this.#onFrame(bytes, frame.start, frame.end)
      at = frame.end
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at)
  }
}

/** An unmasked frame of up to 64 KB (RFC 6455 §5.2); null when it is not complete. */
function frameAt(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | null {
  if (bytes.length < at + 4) return bytes.length === at + 2 && bytes[at + 1] === 0 ? span(at + 2, 0) : null
  const short = bytes.readUInt8(at + 1)
  const frame = short < LENGTH_16 ? span(at + 2, short) : span(at + 4, bytes.readUInt16BE(at + 2))
  return bytes.length < frame.end ? null : frame
}

const span = (start: number, length: number) => ({ start, end: start + length })

function afterFirstFrame(bytes: Buffer): Buffer {
  const first = frameAt(bytes, 0)
  if (first === null) throw new Error('the welcome did not come in one piece')
  return bytes.subarray(first.end)
}
