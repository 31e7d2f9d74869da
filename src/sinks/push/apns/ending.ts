/** Resolves when all are done, or when the signal says that this is enough. */
export async function allUnlessEnded(work: readonly Promise<unknown>[], signal: AbortSignal): Promise<void> {
  const { promise: ended, resolve: end } = withResolver()
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([Promise.all(work), ended])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}
