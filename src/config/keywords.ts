import type { Ajv, FuncKeywordDefinition } from 'ajv'
import { parseDuration } from './duration.js'
import { FORMATS, formatNamed } from './formats.js'
import { parseSize } from './size.js'
import type { DurationRule, ListRule, SizeRule } from './values.js'

type Validate = ReturnType<NonNullable<FuncKeywordDefinition['compile']>>

/** Teaches Ajv the keywords of `values.ts` and the formats. */
export function addKeywords(ajv: Ajv): void {
  for (const [name, { test }] of Object.entries(FORMATS)) ajv.addFormat(name, test)
  ajv.addKeyword({
    keyword: 'duration',
    modifying: true,
    compile: ({ minimumMs, maximumMs }: DurationRule) =>
      reads((value) => {
        const ms = typeof value === 'string' ? parseDuration(value) : null
        return ms !== null && ms >= minimumMs && ms <= maximumMs ? ms : null
      }),
  })
  ajv.addKeyword({
    keyword: 'size',
    modifying: true,
    compile: ({ minimumBytes, maximumBytes }: SizeRule) =>
      reads((value) => {
        const bytes = typeof value === 'string' || typeof value === 'number' ? parseSize(String(value)) : null
        return bytes !== null && bytes >= minimumBytes && bytes <= maximumBytes ? bytes : null
      }),
  })
  ajv.addKeyword({
    keyword: 'list',
    modifying: true,
    compile: ({ format, words }: ListRule) =>
      reads((value) => {
        const items = listItems(value)
        const fits = (item: string): boolean =>
          (formatNamed(format)?.test(item) ?? true) && (words?.includes(item) ?? true)
        return items?.every(fits) ? items : null
      }),
  })
}

function listItems(value: unknown): readonly string[] | null {
  const items: unknown = typeof value === 'string' ? value.split(',') : value
  if (!Array.isArray(items) || !items.every((item): item is string => typeof item === 'string')) return null
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

/** A keyword that puts what `read` makes of the value in its place; null does not validate. */
function reads(read: (value: unknown) => unknown): Validate {
  return (value: unknown, context) => {
    const result = read(value)
    if (result === null || context === undefined) return false
    const { parentData, parentDataProperty } = context
    parentData[parentDataProperty] = result
    return true
  }
}
