import { fileURLToPath } from 'node:url'
import { contradictions } from './checks.js'
import { type Config, toConfig } from './config.js'
import { groupProblems } from './groups.js'
import { type Environment, interpolate } from './interpolate.js'
import { ConfigError } from './problem.js'
import { layer, withoutBlanks } from './tree.js'
import { validated } from './validate.js'
import { readYaml } from './yaml.js'

/** Beside package.json, as seen from src/config and from dist/config. */
const SHIPPED = fileURLToPath(new URL('../../config.yaml', import.meta.url))

export interface LoadOptions {
  /** A file whose keys go before those of the shipped `config.yaml`. By default the one that `CONFIG_FILE` names. */
  readonly path?: string
  readonly env?: Environment
}

/**
 * Reads, checks and freezes the configuration.
 * @throws ConfigError that names every key that is wrong, what was found and what was expected
 */
export function loadConfig({ env = process.env, path = env.CONFIG_FILE }: LoadOptions = {}): Config {
  const shipped = readYaml(SHIPPED)
  const source = path || SHIPPED
  const { tree, variables, problems } = interpolate(path ? layer(shipped, readYaml(path)) : shipped, env)
  const { settings, problems: invalid } = validated(withoutBlanks(tree), variables)
  if (settings === null || problems.length > 0) throw new ConfigError(source, [...problems, ...invalid])
  const config = toConfig(settings)
  const contradicting = [...contradictions(config), ...groupProblems(settings)]
  if (contradicting.length > 0) throw new ConfigError(source, contradicting)
  return config
}
