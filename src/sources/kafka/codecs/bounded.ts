/** What will be written, unless it is too much. Both in bytes. */
export function bounded(size: number, most: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new Error('says no size')
  if (size > most) throw new Error(`becomes more than ${most} bytes`)
  return size
}
