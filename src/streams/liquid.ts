import { Liquid, LiquidError, type Template, UndefinedVariableError } from 'liquidjs'
import { LRUCache } from 'lru-cache'
import { Failure } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'
import type { Notification } from '../model/notification.js'
import type { Renderer } from './render.js'

export interface LiquidOptions {
  /** Longest text that rendering may produce, in characters. */
  readonly maxOutput: number
  /** Longest time that one text may take, in milliseconds. liquidjs checks it between tags. */
  readonly timeoutMs: number
}

const MAX_TITLE = 255
const CACHED_TEXTS = 1_000
const CACHED_CHARACTERS = 4_000_000
/** liquidjs counts what a text allocates: elements of ranges, characters of strings. */
const MEMORY_PER_OUTPUT_CHARACTER = 8

/** Renders inline texts. Values are HTML-escaped in the content of an email, which is HTML, and nowhere else. */
export function createRenderer({ maxOutput, timeoutMs }: LiquidOptions): Renderer {
  const limits = {
    // No file may be read by a text: partials come from this empty set.
    templates: {},
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    parseLimit: 2 * maxOutput,
    renderLimit: timeoutMs,
    memoryLimit: MEMORY_PER_OUTPUT_CHARACTER * maxOutput,
  }
  const plain = compiler(new Liquid(limits))
  const html = compiler(new Liquid({ ...limits, outputEscape: 'escape' }))

  const text = (
    field: string,
    source: string,
    compile: Compile,
    variables: JsonObject,
    limit: number,
  ): string => {
    if (!source.includes('{{') && !source.includes('{%')) return source
    const output = compile(field, source)(variables)
    if (output.length > limit) {
      throw Failure.field('validation_failed', field, `must be at most ${limit} characters once rendered`)
    }
    // Filters such as url_decode make characters that the ledger cannot store.
    if (output.includes('\u0000') || !output.isWellFormed())
      throw Failure.field(
        'validation_failed',
        field,
        'must not hold U+0000 or half of a surrogate pair once rendered',
      )
    return output
  }

  return {
    render({ title, content, channel, variables }: Notification) {
      const values = variables ?? {}
      return {
        title: text('/title', title, plain, values, MAX_TITLE).replaceAll(/[\r\n]+/g, ' '),
        content: text('/content', content, channel === 'email' ? html : plain, values, maxOutput),
      }
    },
  }
}

type Compile = (field: string, source: string) => (variables: JsonObject) => string

function compiler(engine: Liquid): Compile {
  const cache = new LRUCache<string, Template[]>({
    max: CACHED_TEXTS,
    maxSize: CACHED_CHARACTERS,
    sizeCalculation: (_, source) => source.length + 1,
  })
  return (field, source) => {
    const template = cache.get(source) ?? explain(field, () => engine.parse(source))
    cache.set(source, template)
    return (variables) => explain(field, () => String(engine.renderSync(template, variables)))
  }
}

function explain<T>(field: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof UndefinedVariableError) {
      const name = /^undefined variable: ([^,]+)/.exec(error.message)?.[1] ?? 'unknown'
      throw new Failure('variable_missing', `${field} uses the variable "${name}", which has no value`, {
        errors: [{ field: `/variables/${name.replaceAll('.', '/')}`, message: 'is required by the text' }],
        cause: error,
      })
    }
    if (error instanceof LiquidError)
      throw Failure.field('template_invalid', field, `is not valid: ${error.message}`)
    throw error
  }
}
