import type { Gate } from './gate.js'

/**
 * Waits for a slot of any of them.
 * @param until by when a call must have ended, by `performance.now()`
 * @returns in whose slot we are; null when there was none in time for a call
 */
export async function firstFree(
  gates: ReadonlySet<Gate>,
  until: number,
  signal: AbortSignal,
): Promise<Gate | null> {
  const enough = new AbortController()
  const either = AbortSignal.any([signal, enough.signal])
  const entered: Gate[] = []
  const enter = async (gate: Gate): Promise<void> => {
    if (!(await gate.enter(until - performance.now() - gate.timeoutMs, either))) return
    // Two may have become free at once.
    if (entered.length > 0) gate.leave()
    else entered.push(gate)
    enough.abort()
  }
  await Promise.all([...gates].map(enter))
  return entered[0] ?? null
}
