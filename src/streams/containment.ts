import { Failure } from '../model/failure.js'

/**
 * Writes a batch. When the store is away every item gets that failure; when the store
 * refuses the data, the batch is halved until the culprit stands alone, so that it
 * harms nobody else. Results are in the order of the items.
 */
export async function contained<T, R>(
  items: readonly T[],
  write: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly (R | Failure)[]> {
  if (items.length === 0) return []
  try {
    return await write(items)
  } catch (error) {
    if (error instanceof Failure) return items.map(() => error)
    if (items.length === 1)
      return [new Failure('internal', 'the store refused the notification', { cause: error })]
    const middle = items.length >> 1
    return [
      ...(await contained(items.slice(0, middle), write)),
      ...(await contained(items.slice(middle), write)),
    ]
  }
}
