import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 30_000
const ASK_AGAIN_MS = 50

/** Lets a test wait for what it is told about, with an end and a word of what was waited for. */
export class Watch {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  changed(): void {
    this.#emitter.emit('changed')
  }

  /** Resolves to what `check` finds; it is asked now and after every change. */
  async until<T>(
    check: () => T | null | undefined | false,
    what: string,
    withinMs = PATIENCE_MS,
  ): Promise<T> {
    const signal = AbortSignal.timeout(withinMs)
    for (;;) {
      const found = check()
      if (found !== null && found !== undefined && found !== false) return found
      await once(this.#emitter, 'changed', { signal }).catch((cause: unknown) => {
        throw new Error(`Waited ${withinMs} ms in vain for ${what}`, { cause })
      })
    }
  }
}

/** Asks until there is an answer: for what nobody announces. */
export async function eventually<T>(
  ask: () => Promise<T | null | undefined | false>,
  what: string,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await ask()
    if (found !== null && found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain for ${what}`)
    await delay(ASK_AGAIN_MS)
  }
}

/** Holds up whoever waits for it until it is opened. */
export class Gate {
  open: () => void = () => undefined
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}
