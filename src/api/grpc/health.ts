import type { Server, ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import type { Readiness } from '../readiness.js'
import { SERVICE } from './service.js'

const POLL_MS = 1_000

type Watching = ServerWritableStream<{ readonly service: string }, { readonly status: string }>

/**
 * `grpc.health.v1.Health`: serving while `/ready` is 200. The empty name stands for the whole server, as the
 * protocol has it; `notification.v1.NotificationService` says the same.
 */
export class Health {
  readonly #implementation = new HealthImplementation({ '': 'NOT_SERVING', [SERVICE]: 'NOT_SERVING' })
  readonly #ready: () => Promise<Readiness>
  #serving = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(ready: () => Promise<Readiness>) {
    this.#ready = ready
  }

  addTo(server: Server): void {
    this.#implementation.addToServer({
      addService: (definition, implementation) =>
        server.addService(definition, { ...implementation, watch: this.#bounded(implementation) }),
    })
  }

  /** Asks now, and then once a second. */
  async start(): Promise<void> {
    await this.#ask()
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.start(), POLL_MS)
    this.#timer.unref()
  }

  /** Tells everybody to go elsewhere. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#tell(false)
  }

  async #ask(): Promise<void> {
    const { status } = await this.#ready()
    if (!this.#stopped) this.#tell(status !== 'unavailable')
  }

  #tell(serving: boolean): void {
    if (serving === this.#serving) return
    this.#serving = serving
    for (const name of ['', SERVICE]) {
      this.#implementation.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING')
    }
  }

  /** The library remembers every name that was ever watched; those that we do not have are answered here. */
  #bounded({ watch }: UntypedServiceImplementation) {
    return (call: Watching): void => {
      const { service: name } = call.request
      if (name !== '' && name !== SERVICE) call.write({ status: 'SERVICE_UNKNOWN' })
      else if (watch !== undefined) Reflect.apply(watch, undefined, [call])
    }
  }
}
