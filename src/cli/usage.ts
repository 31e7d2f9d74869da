import { type ParseArgsConfig, parseArgs } from 'node:util'

/** What the user typed cannot be understood; the message tells. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the user wanted did not work; the message tells. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/** The options of a command. Throws a `UsageError` that names the one that is unknown. */
export function readOptions<const T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

export function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is required`)
  return value
}
