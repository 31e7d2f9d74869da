import { Readable } from 'node:stream'

/**
 * Server-sent events (WHATWG HTML §9.2.6) about something of which only the newest state matters: whoever
 * reads slowly misses states in between, and nothing gathers. It ends with `finish`, or when it is destroyed.
 */
export class StateStream extends Readable {
  /** Somebody asks for more. */
  #asked = false
  #state = ''
  #comment = ''
  #ended = false

  /** @param retryMs after which a client connects again, in milliseconds */
  constructor(retryMs: number) {
    super({ highWaterMark: 1 })
    this.#comment = `retry: ${retryMs}\n`
  }

  /** Whether something was written that nobody has asked for yet. */
  get isStuck(): boolean {
    return !this.#asked
  }

  /** @param json one line */
  show(event: string, json: string): void {
    this.#state = `event: ${event}\ndata: ${json}\n\n`
    this.#write()
  }

  /** Keeps proxies from closing the connection. False: nobody has read since the last one. */
  keepAlive(): boolean {
    if (this.#comment !== '') return false
    this.#comment = ':\n\n'
    this.#write()
    return true
  }

  /** Ends it after what is to be read. */
  finish(last: { readonly event: string; readonly json: string } | null = null): void {
    if (this.#ended) return
    if (last !== null) this.#state += `event: ${last.event}\ndata: ${last.json}\n\n`
    this.#ended = true
    this.#write()
  }

  override _read(): void {
    this.#asked = true
    this.#write()
  }

  #write(): void {
    if (!this.#asked) return
    const text = this.#comment + this.#state
    this.#comment = ''
    this.#state = ''
    if (text !== '') {
      this.#asked = false
      this.push(text)
    } else if (this.#ended) {
      this.#asked = false
      this.push(null)
    }
  }
}
