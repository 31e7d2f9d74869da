import type { FilterImplOptions } from 'liquidjs'

/** liquidjs exports these only as parts of others. */
export type FilterHandler = Extract<FilterImplOptions, (...values: never[]) => unknown>
export type FilterCall = ThisParameterType<FilterHandler>

export function handlerOf(filters: Readonly<Record<string, FilterImplOptions>>, name: string): FilterHandler {
  const filter = filters[name]
  if (filter === undefined) throw new Error(`there is no filter ${name}`)
  return typeof filter === 'function' ? filter : filter.handler
}
