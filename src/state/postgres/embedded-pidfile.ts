import { readFileSync } from 'node:fs'
import { readFile, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { hasCode } from './embedded-binaries.js'
import { ifThere } from './if-there.js'

/**
 * The pid of the PostgreSQL that runs on the cluster, by its `postmaster.pid`, or null. A file that a
 * crash left behind is removed only when its pid has surely become something else: PostgreSQL
 * would refuse to start, while it replaces the file of a process that is gone by itself.
 */
export async function runningPid(directory: string): Promise<number | null> {
  const path = join(directory, 'postmaster.pid')
  const [first, dataDirectory] = ((await ifThere(readFile(path, 'utf8'))) ?? '').split('\n')
  const pid = Number(first)
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return null
  if (!(await isPostgres(pid))) {
    await rm(path, { force: true })
    return null
  }
  const original = dataDirectory ? await ifThere(realpath(dataDirectory)) : directory
  if (original === directory) return pid
  if (original === null) {
    throw new Error(
      `PostgreSQL (pid ${pid}) runs on ${directory}, which was ${dataDirectory} when it started. Stop it first.`,
    )
  }
  // The folder was copied from under a running server.
  await rm(path, { force: true })
  return null
}

/** A process that ended and whose parent does not care (a container without an init) is not alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (err) {
    return hasCode(err, 'EPERM')
  }
  return !isZombie(pid)
}

function isZombie(pid: number): boolean {
  try {
    // proc(5): the state follows the name, which is in parentheses and may hold any character.
    return /\) Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (err) {
    // Gone meanwhile, or a system without /proc, where the answer to the signal has to do.
    if (hasCode(err, 'ENOENT') || hasCode(err, 'ESRCH')) return false
    throw err
  }
}

/** Sends a signal to a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (err) {
    if (!hasCode(err, 'ESRCH')) throw err
  }
}

/** True when in doubt. */
async function isPostgres(pid: number): Promise<boolean> {
  const [program] = ((await ifThere(readFile(`/proc/${pid}/cmdline`, 'utf8'))) ?? '').split('\0')
  if (program) return basename(program) === 'postgres'
  return true
}
