/** Somebody in line for a thing. */
export interface Waiter<T> {
  take(thing: T): void
  fail(reason: Error): void
}

/** Waits in line until handed a thing; leaves the line and rejects with the signal's reason when aborted. */
export function waitInLine<T>(line: Set<Waiter<T>>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const leave = () => {
      line.delete(waiter)
      signal.removeEventListener('abort', onAbort)
    }
    const waiter: Waiter<T> = {
      take(thing) {
        leave()
        resolve(thing)
      },
      fail(reason) {
        leave()
        reject(reason)
      },
    }
    const onAbort = () => {
      leave()
      reject(signal.reason)
    }
    line.add(waiter)
    signal.addEventListener('abort', onAbort)
  })
}
