/**
 * Does the work under a signal that aborts when the time is up, or when the caller's does.
 * @param ms from now on, in milliseconds
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const stop = (): void => abort.abort(signal.reason)
  const late = (): void => abort.abort(new DOMException(`not done after ${ms} ms`, 'TimeoutError'))
  const timer = setTimeout(late, ms)
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  try {
    return await work(abort.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** Waits for work that cannot be stopped no longer than the signal allows; what it comes to later is not heard. */
export async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
