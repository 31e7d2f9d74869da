import { readFileSync } from 'node:fs'

/** The version of this service, from package.json. */
export const VERSION = readVersion()

function readVersion(): string {
  const described: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  if (typeof described === 'object' && described !== null && 'version' in described)
    return String(described.version)
  throw new Error('package.json has no version')
}
