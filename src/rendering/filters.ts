import { type FilterImplOptions, filters } from 'liquidjs'
import { date } from './date-filter.js'
import { type FilterCall, type FilterHandler, handlerOf } from './filter-handler.js'
import { currencyFilter, number, percent } from './number-filters.js'

export type Filters = Readonly<Record<string, FilterImplOptions>>

/** liquidjs' filters that read Liquid out of a value: nothing is parsed that was not seen when it was saved. */
const WITHOUT = ['where_exp', 'reject_exp', 'group_by_exp', 'has_exp', 'find_exp', 'find_index_exp'] as const

/** These ask each element for a property that not all may have. */
const LENIENT = ['where', 'reject', 'group_by', 'has', 'find', 'find_index'] as const

/** Every filter that a text may use. A new one is one line here. */
export function plainFilters(settings: { readonly currency: string }): Filters {
  const registry: Record<string, FilterImplOptions> = {
    ...filters,
    currency: currencyFilter(settings.currency),
    date,
    number,
    percent,
  }
  for (const name of WITHOUT) delete registry[name]
  for (const name of LENIENT) registry[name] = lenient(handlerOf(filters, name))
  return registry
}

/** Where every value is escaped at the end, what these have escaped must not be escaped again. */
export function htmlFilters(settings: { readonly currency: string }): Filters {
  const plain = plainFilters(settings)
  const escaped = handlerOf(plain, 'escape')
  const escapeOnce = handlerOf(plain, 'escape_once')
  const lineBreaks = handlerOf(plain, 'newline_to_br')
  return {
    ...plain,
    escape: { raw: true, handler: escaped },
    xml_escape: { raw: true, handler: escaped },
    escape_once: { raw: true, handler: escapeOnce },
    newline_to_br: {
      raw: true,
      handler(this: FilterCall, value: unknown) {
        return lineBreaks.call(this, escapeOnce.call(this, value))
      },
    },
  }
}

/** Lets a filter that liquidjs runs as a generator meet variables without a value. */
function lenient(handler: FilterHandler): FilterHandler {
  return function* (
    this: FilterCall,
    ...values: [unknown, ...unknown[]]
  ): Generator<unknown, unknown, unknown> {
    const { context } = this
    const { strictVariables } = context
    context.strictVariables = false
    try {
      return yield handler.apply(this, values)
    } finally {
      context.strictVariables = strictVariables
    }
  }
}
