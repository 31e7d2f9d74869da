import { CaptureTag, type Context, type FilterImplOptions } from 'liquidjs'
import type { FilterCall } from './filter-handler.js'

/**
 * Keeps every value that a text makes within the memory limit of its engine, so that nothing which writes
 * a value out later (a comparison, an index, a join) can need more. liquidjs counts most of what is
 * allocated, but not what an array takes that holds another one many times over, nor what is captured.
 * Without this, one allocation could exceed the thread's heap, and then V8 ends the whole process.
 */
export function bounded(filter: FilterImplOptions, maxSize: number): FilterImplOptions {
  const [handler, raw] = typeof filter === 'function' ? [filter, false] : [filter.handler, filter.raw]
  return {
    raw,
    handler(this: FilterCall, value: unknown, ...values: readonly unknown[]) {
      return charged(this.context, handler.call(this, value, ...values), maxSize)
    },
  }
}

function charged(context: Context, result: unknown, maxSize: number): unknown {
  if (typeof result === 'string') context.memoryLimit.use(result.length)
  else if (isIterator(result)) return chargedLater(context, result, maxSize)
  else if (sizeOf(result, maxSize) > maxSize) context.memoryLimit.use(Number.POSITIVE_INFINITY)
  return result
}

/** liquidjs runs some filters as generators. */
function* chargedLater(context: Context, result: unknown, maxSize: number): Generator<unknown, unknown> {
  return charged(context, yield result, maxSize)
}

const isIterator = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function'

/** The characters and elements of a value once it is written out; no longer exact above `most`. */
function sizeOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length + 1
  if (typeof value !== 'object' || value === null) return 1
  let size = 1
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    size += sizeOf(inner, most - size)
    if (size > most) break
  }
  return size
}

export class BoundedCapture extends CaptureTag {
  override *render(context: Context): Generator<unknown, void, string> {
    yield* super.render(context)
    const captured: unknown = context.bottom()[this.variable]
    if (typeof captured === 'string') context.memoryLimit.use(captured.length)
  }
}
