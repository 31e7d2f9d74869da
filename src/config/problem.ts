/** One thing that is wrong with the configuration. */
export interface Problem {
  /** As in the file, with dots: `server.http_port`. Empty: the whole file. */
  readonly key: string
  /** What is wrong and what was expected. Never holds a secret. */
  readonly message: string
}

/** The configuration cannot be used. The message names every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(source: string, problems: readonly Problem[], options?: { readonly cause: unknown }) {
    const lines = problems.map(({ key, message }) => `\n  ${key === '' ? message : `${key} ${message}`}`)
    super(`The configuration ${source} cannot be used:${lines.join('')}`, options)
    this.problems = problems
  }
}
