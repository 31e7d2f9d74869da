import { Type } from 'typebox'
import type { JsonObject } from '../../model/json.js'
import { CHANNELS, PRIORITIES, STATUSES } from '../../model/notification.js'

/** One of some words. The type stands in the schema, so that answers are serialised without looking at the value. */
export const oneOf = <const T extends readonly string[]>(
  words: T,
  note: { readonly description?: string; readonly default?: T[number] } = {},
) => Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...note })

export const NullableText = Type.Unsafe<string | null>({ type: ['string', 'null'] })
export const NullableTime = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' })
export const NullableNumber = Type.Unsafe<number | null>({ type: ['number', 'null'] })

/** Any JSON object; what it may hold is checked where it is read. */
export const AnyObject = (
  note: { readonly description?: string; readonly examples?: readonly object[] } = {},
) => Type.Unsafe<JsonObject>({ type: 'object', additionalProperties: true, ...note })

export const Channel = oneOf(CHANNELS)
export const Priority = oneOf(PRIORITIES, { default: 'medium' })
export const Status = oneOf(STATUSES)

/** Numbers by name: statuses, error codes. */
export const Counts = Type.Unsafe<Readonly<Record<string, number>>>({
  type: 'object',
  additionalProperties: { type: 'integer' },
})
