/** How many portions of one partition are on their way at once. */
const AT_ONCE = 2

/**
 * Works on several at once, and tells of each in order. Begins no more once `begin` or `end` says no, but waits
 * for what was begun.
 * @param begin whether there is time for another one
 * @param end tells the result of each, in order; false: those behind it count for nothing
 */
export async function inOrder<I, R>(
  items: Iterable<I>,
  begin: () => boolean,
  work: (item: I) => Promise<R>,
  end: (item: I, result: R) => Promise<boolean>,
): Promise<void> {
  const begun: { readonly item: I; readonly result: Promise<R> }[] = []
  const rest = items[Symbol.iterator]()
  let goOn = true
  try {
    for (;;) {
      while (goOn && begun.length < AT_ONCE && begin()) {
        const next = rest.next()
        if (next.done) break
        begun.push({ item: next.value, result: work(next.value) })
      }
      const first = begun.shift()
      if (first === undefined) return
      const result = await first.result
      if (goOn) goOn = await end(first.item, result)
    }
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result))
  }
}
