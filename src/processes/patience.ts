/** How long after a signal the same one is taken for its echo, in milliseconds. */
const ECHO_MS = 1_000

/**
 * Tells a stop that is asked for from one that is asked for again, by somebody who does not want to wait. At once
 * it is an echo: npm and timeout pass on what the whole process group has got.
 */
export function stopSignals(stop: (signal: NodeJS.Signals) => void, stopAtOnce: () => void): void {
  let askedAt: number | null = null
  const asked = (signal: NodeJS.Signals): void => {
    if (askedAt === null) {
      askedAt = performance.now()
      stop(signal)
    } else if (performance.now() - askedAt > ECHO_MS) {
      stopAtOnce()
    }
  }
  process.on('SIGTERM', asked)
  process.on('SIGINT', asked)
}
