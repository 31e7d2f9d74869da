import { connect, type TLSSocket } from 'node:tls'

export interface ConnectionsOptions {
  readonly host: string
  readonly port: number
  /** From the DNS look-up to the end of the TLS handshake, in milliseconds. */
  readonly connectMs: number
  /** PEM of the authority to trust instead of the public ones. */
  readonly ca?: string | undefined
}

/**
 * Makes the SDK's connections, to be able to end them: it has no time limit for connecting, and would go on
 * using one that is dead until the system gives it up.
 */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #open = new Set<TLSSocket>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** For `http2.connect`. */
  readonly create = (): TLSSocket => {
    const { host, port, connectMs, ca } = this.#options
    const socket = connect({
      host,
      port,
      servername: /^[\d.]+$|:/.test(host) ? '' : host,
      ALPNProtocols: ['h2'],
      ...(ca !== undefined && { ca }),
    })
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs)
    this.#open.add(socket)
    socket.once('secureConnect', () => clearTimeout(timer))
    socket.once('close', () => {
      clearTimeout(timer)
      this.#open.delete(socket)
    })
    return socket
  }

  /** Resolves when they are gone, by when the SDK knows that it needs another one for the next push. */
  async drop(): Promise<void> {
    await Promise.all(
      [...this.#open].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => resolve())
            socket.destroy()
          }),
      ),
    )
  }
}
