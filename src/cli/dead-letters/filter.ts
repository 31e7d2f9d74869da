import { UsageError } from '../usage.js'

export const FILTER_OPTIONS = {
  kind: { type: 'string' },
  channel: { type: 'string' },
  reason: { type: 'string' },
  status: { type: 'string' },
  topic: { type: 'string' },
  'event-type': { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
} as const

/** As the API spells it. Whether the values make sense, it says. */
export type Filter = Readonly<Record<string, string>>

export const filterOf = (options: Readonly<Record<string, string | undefined>>): Filter =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.replace('-', '_'), value]],
    ),
  )

export const isFiltering = (filter: Filter): boolean => Object.keys(filter).length > 0

export function wholeNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UsageError(`--${name} must be a whole number from 1`)
  return number
}
