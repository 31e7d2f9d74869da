import { createHash } from 'node:crypto'
import { access, chown, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, accountFor, chooseLauncher, type Launcher, run } from './embedded-account.js'
import { type Binaries, findBinaries, hasCode } from './embedded-binaries.js'
import { isAlive } from './embedded-pidfile.js'

const INITDB_TIMEOUT_MS = 120_000
/** A socket's path may have 107 bytes on Linux, 103 on macOS; the name in it takes up to 20. */
const LONGEST_SOCKET_DIRECTORY = 80
const UNFINISHED = 'postgres.init-'

/** An initialised cluster and what it takes to run it. */
export interface Cluster {
  readonly directory: string
  /** Only PostgreSQL's user and root may enter it, so whoever connects need not authenticate. */
  readonly socketDirectory: string
  readonly logFile: string
  readonly binaries: Binaries
  readonly launcher: Launcher
}

/** Makes `<dataDir>/postgres` unless it is there: UTF-8, the built-in C.UTF-8 locale, data checksums. */
export async function prepareCluster(dataDir: string): Promise<Cluster> {
  const binaries = await findBinaries()
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const home = await realpath(dataDir)
  const directory = join(home, 'postgres')
  const account = await accountFor(directory)
  const launcher = (await isCluster(directory))
    ? await chooseLauncher(account, binaries, directory)
    : await initialise(home, directory, account, binaries)
  const socketDirectory = socketDirectoryOf(home)
  await makePrivate(socketDirectory, account)
  return { directory, socketDirectory, logFile: join(home, 'postgres.log'), binaries, launcher }
}

/** Made aside and renamed when complete, so that a start that was killed leaves no half cluster. */
async function initialise(
  home: string,
  directory: string,
  account: Account | null,
  binaries: Binaries,
): Promise<Launcher> {
  await removeUnfinished(home)
  const unfinished = join(home, `${UNFINISHED}${process.pid}`)
  await makePrivate(unfinished, account)
  const launcher = await chooseLauncher(account, binaries, unfinished)
  const { file, args, options } = launcher.command(binaries.initdb, [
    `--pgdata=${unfinished}`,
    '--username=postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--no-locale',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ])
  const { code, output } = await run(file, args, options, INITDB_TIMEOUT_MS)
  if (code !== 0) throw new Error(`initdb failed in ${home} (exit code ${code}): ${output}`)
  try {
    await rename(unfinished, directory)
  } catch (err) {
    // Another daemon that started at the same moment was quicker; its cluster is as good.
    if (!hasCode(err, 'ENOTEMPTY') && !hasCode(err, 'EEXIST')) throw err
    await rm(unfinished, { recursive: true, force: true })
  }
  return launcher
}

async function removeUnfinished(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(UNFINISHED)) continue
    const pid = Number(name.slice(UNFINISHED.length))
    if (pid === process.pid || !isAlive(pid)) await rm(join(home, name), { recursive: true, force: true })
  }
}

async function isCluster(directory: string): Promise<boolean> {
  try {
    await access(join(directory, 'PG_VERSION'))
    return true
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return false
    throw err
  }
}

function socketDirectoryOf(home: string): string {
  const inside = join(home, 'postgres-socket')
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_DIRECTORY) return inside
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16)
  return join(tmpdir(), `notification-pg-${hash}`)
}

async function makePrivate(directory: string, account: Account | null): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if (account) await chown(directory, account.uid, account.gid)
}
