import { Type } from 'typebox'
import { writeDuration } from './duration.js'
import { FORMATS, type Format } from './formats.js'

/** Rules of the keywords that `keywords.ts` teaches Ajv: they read a text and put the value in its place. */
interface Rule {
  /** For the message. */
  readonly expected: string
}
export interface DurationRule extends Rule {
  readonly minimumMs: number
  readonly maximumMs: number
}
export interface SizeRule extends Rule {
  readonly minimumBytes: number
  readonly maximumBytes: number
}
export interface ListRule extends Rule {
  readonly format: Format | null
  readonly words: readonly string[] | null
}

/** A part of the file: what it does not name is refused. */
export const section = <T extends Type.TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })

/** Written `30s`, read as milliseconds. */
export const Duration = (minimumMs: number, maximumMs: number) =>
  Type.Unsafe<number>({
    duration: {
      minimumMs,
      maximumMs,
      expected: `a duration such as 250ms, 30s, 5m or 1h, from ${writeDuration(minimumMs)} to ${writeDuration(maximumMs)}`,
    } satisfies DurationRule,
  })

/** Written `16kb`, read as bytes. */
export const Size = (minimumBytes: number, maximumBytes: number) =>
  Type.Unsafe<number>({
    size: {
      minimumBytes,
      maximumBytes,
      expected: `a size such as 512, 16kb or 1mb, from ${minimumBytes} to ${maximumBytes} bytes`,
    } satisfies SizeRule,
  })

/** Written `a, b` or as a YAML list; a key that has no value is an empty list. */
export const List = (format: Format | null = null) =>
  Type.Optional(
    Type.Unsafe<readonly string[]>({
      list: {
        format,
        words: null,
        expected: inList(format ? FORMATS[format].expected : 'texts'),
      } satisfies ListRule,
    }),
  )

export const ListOf = <const T extends readonly string[]>(words: T) =>
  Type.Optional(
    Type.Unsafe<readonly T[number][]>({
      list: { format: null, words, expected: inList(words.join(', ')) } satisfies ListRule,
    }),
  )

const inList = (items: string): string => `a list, or text separated by commas, of ${items}`

export const OneOf = <const T extends readonly string[]>(words: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...words] })

export const Text = Type.String()
export const OptionalText = Type.Optional(Text)
export const Formatted = (format: Format) => Type.String({ format })
export const Flag = Type.Boolean()
export const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
export const Count = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })
