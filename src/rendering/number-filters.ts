import { toValue } from 'liquidjs'
import { BadArgument } from './bad-argument.js'
import type { FilterCall } from './filter-handler.js'
import { numberFormat } from './formats.js'

const DECIMAL = /^[+-]?\d{1,20}(\.\d{1,20})?$/
const MAX_DIGITS = 20
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

/** `{{ amount | currency }}`, `{{ amount | currency: 'EUR' }}`. What is no number is written as it is. */
export function currencyFilter(ownCurrency: string) {
  return function currency(this: FilterCall, value: unknown, code: unknown = ownCurrency): unknown {
    const known = typeof code === 'string' ? code.toUpperCase() : ''
    if (!CURRENCIES.has(known)) throw new BadArgument('currency expects an ISO 4217 code such as EUR')
    return written(this, value, { style: 'currency', currency: known })
  }
}

/** `{{ count | number }}`, `{{ weight | number: 2 }}` with two decimal places. */
export function number(this: FilterCall, value: unknown, digits?: unknown): unknown {
  return written(this, value, { style: 'decimal', ...places('number', digits) })
}

/** `{{ 0.25 | percent }}` is 25%. */
export function percent(this: FilterCall, value: unknown, digits?: unknown): unknown {
  return written(this, value, { style: 'percent', ...places('percent', digits) })
}

function places(filter: string, digits: unknown): Intl.NumberFormatOptions {
  if (digits === undefined) return {}
  const count = Number(digits)
  if (!Number.isInteger(count) || count < 0 || count > MAX_DIGITS) {
    throw new BadArgument(`${filter} expects 0 to ${MAX_DIGITS} decimal places`)
  }
  return { minimumFractionDigits: count, maximumFractionDigits: count }
}

function written({ context }: FilterCall, value: unknown, options: Intl.NumberFormatOptions): unknown {
  const amount = numeric(toValue(value))
  return amount === null ? value : numberFormat(context.opts.locale, options).format(amount)
}

function numeric(value: unknown): number | null {
  if (typeof value === 'number') return value
  return typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : null
}
