/**
 * Cuts items into portions whose weights add up to at most `most`, in order. What is heavier by itself
 * stands alone.
 */
export function inPortions<T>(
  items: readonly T[],
  most: number,
  weight: (item: T) => number,
): readonly (readonly T[])[] {
  const portions: T[][] = []
  let left = 0
  for (const item of items) {
    const heavy = weight(item)
    if (portions.length === 0 || heavy > left) {
      portions.push([])
      left = most
    }
    portions.at(-1)?.push(item)
    left -= heavy
  }
  return portions
}

/** What a statement may take on at once: with a digest, the rows of everything that is in it are written too. */
const MOST_AT_ONCE = 1_000
const WEIGHT_OF_DIGEST = 50

/** Portions of which each is written in good time, however many of the notifications are digests. */
export const writable = <T>(
  items: readonly T[],
  notificationOf: (item: T) => { readonly digest: unknown },
): readonly (readonly T[])[] =>
  inPortions(items, MOST_AT_ONCE, (item) => (notificationOf(item).digest === null ? 1 : WEIGHT_OF_DIGEST))
