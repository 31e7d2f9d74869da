import { Context, Liquid, type Template } from 'liquidjs'
import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../model/json.js'
import { BadArgument } from './bad-argument.js'
import { BoundedCapture, bounded } from './bounds.js'
import { htmlFilters, plainFilters } from './filters.js'
import { knownLocale, knownZone } from './formats.js'
import './ranges.js'

export interface EngineSettings {
  /** Longest text that may come of another, in characters. */
  readonly maxOutput: number
  /** Longest that one text may take, in milliseconds. liquidjs looks at the clock between tags. */
  readonly timeoutMs: number
  /** What filters go by when nothing else is said: ISO 4217, BCP 47, IANA. */
  readonly currency: string
  readonly locale: string
  readonly timezone: string
}

/** Where a text is going to be read. */
export interface Place {
  readonly locale: string | null
  readonly timezone: string | null
}

/** Tags that fetch other texts: there are none to fetch. */
const WITHOUT_TAGS = ['include', 'render', 'layout', 'block'] as const
/** Characters. With many more, the time that liquidjs takes to compile them grows with their square. */
const MAX_INSIDE_TAGS = 50_000
const CACHED_TEXTS = 2_000
/** Bytes, roughly: what stands in tags takes a hundred times its length once it is compiled. */
const CACHE_SIZE = 16_000_000
const COMPILED_SIZE = 100
const CACHED_PLACES = 200
/** Of what liquidjs counts: characters of strings and elements of arrays that a text makes, dropped ones too. */
const MEMORY_PER_OUTPUT_CHARACTER = 4

/** Compiles, examines and renders texts of one kind: HTML, where values are escaped, or plain ones. */
export class Engine {
  readonly #liquid: Liquid
  readonly #settings: EngineSettings
  readonly #compiled = new LRUCache<string, Template[]>({ max: CACHED_TEXTS, maxSize: CACHE_SIZE })
  readonly #places = new LRUCache<string, Liquid['options']>({ max: CACHED_PLACES })

  constructor(settings: EngineSettings, kind: 'plain' | 'html') {
    this.#settings = settings
    this.#liquid = createLiquid(settings, kind)
  }

  render(source: string, variables: JsonObject, place: Place): string {
    const compiled = this.#compile(source)
    // A copy, because `increment` writes into it.
    const scope = { ...variables }
    const context = new Context(scope, this.#optionsIn(place), { sync: true }, { liquid: this.#liquid })
    return String(this.#liquid.renderSync(compiled, context))
  }

  /** The variables that a text takes from outside: roots only, neither what it assigns nor loop variables. */
  variables(source: string): readonly string[] {
    return this.#liquid.globalVariablesSync(this.#compile(source))
  }

  #compile(source: string): Template[] {
    const known = this.#compiled.get(source)
    if (known) return known
    const inside = lengthInsideTags(source)
    if (inside > MAX_INSIDE_TAGS)
      throw new BadArgument(`has more than ${MAX_INSIDE_TAGS} characters in its tags`)
    const compiled = this.#liquid.parse(source)
    this.#compiled.set(source, compiled, { size: 1 + source.length + COMPILED_SIZE * inside })
    return compiled
  }

  /**
   * A condition and the filter `default` may ask for a variable that is not there; nothing else may. liquidjs
   * would let `assign` do so as well, but goes by the options of the engine for it, not by those of the call.
   */
  #optionsIn({ locale, timezone }: Place): Liquid['options'] {
    const key = `${locale} ${timezone}`
    const known = this.#places.get(key)
    if (known) return known
    const here: Liquid['options'] = {
      ...this.#liquid.options,
      lenientIf: true,
      locale: knownLocale(locale ?? '') ?? this.#settings.locale,
      timezoneOffset: knownZone(timezone ?? '') ?? this.#settings.timezone,
    }
    this.#places.set(key, here)
    return here
  }
}

function createLiquid(settings: EngineSettings, kind: 'plain' | 'html'): Liquid {
  const { maxOutput, timeoutMs } = settings
  const memoryLimit = MEMORY_PER_OUTPUT_CHARACTER * maxOutput
  const liquid = new Liquid({
    // No file may be read by a text: partials come from this empty set.
    templates: {},
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    parseLimit: 2 * maxOutput,
    renderLimit: timeoutMs,
    memoryLimit,
    ...(kind === 'html' ? { outputEscape: 'escape' } : {}),
  })
  for (const name of WITHOUT_TAGS) delete liquid.tags[name]
  liquid.registerTag('capture', BoundedCapture)
  for (const name of Object.keys(liquid.filters)) liquid.unregisterFilter(name)
  for (const [name, filter] of Object.entries(
    kind === 'html' ? htmlFilters(settings) : plainFilters(settings),
  ))
    liquid.registerFilter(name, bounded(filter, memoryLimit))
  return liquid
}

function lengthInsideTags(source: string): number {
  let length = 0
  let from = 0
  for (const { index, 0: mark } of source.matchAll(/\{\{|\{%/g)) {
    if (index < from) continue
    const end = source.indexOf(mark === '{{' ? '}}' : '%}', index)
    if (end < 0) break
    length += end - index
    from = end
  }
  return length
}
