import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** Ends early when there is something else to do. */
export async function pause(ms: number, wake: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: wake }).catch(() => undefined)
}

/** Resolves at once when there is no use for it any more. */
export async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort', { signal: over.signal })
  try {
    await Promise.race([work, aborted.catch(() => undefined)])
  } finally {
    over.abort()
    work.catch(() => undefined)
  }
}
