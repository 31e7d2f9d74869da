import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import type { Binaries } from './embedded-binaries.js'
import { ifThere } from './if-there.js'

const PROBE_TIMEOUT_MS = 5_000

/** Nothing of ours: neither secrets nor PG* settings reach the server through its environment. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }

export interface Account {
  readonly uid: number
  readonly gid: number
}

/** How to start a program as the user that PostgreSQL runs as. */
export interface Launcher {
  command(
    program: string,
    args: readonly string[],
  ): { readonly file: string; readonly args: string[]; readonly options: SpawnOptions }
}

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of an existing cluster, else as
 * `postgres`, else as `nobody`. Null: we are not root and run it as ourselves.
 */
export async function accountFor(cluster: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const owner = await ifThere(stat(cluster))
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const users = await readFile('/etc/passwd', 'utf8')
  for (const name of ['postgres', 'nobody']) {
    const entry = users.split('\n').find((line) => line.startsWith(`${name}:`))
    const [, , uid, gid] = entry?.split(':') ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and there is neither a user "postgres" nor "nobody" to run it as. ' +
      'Start the service as another user, or set DATABASE_URL.',
  )
}

/**
 * Finds by trial the least that lets the account reach the binaries and `directory`. When they lie
 * below a directory that only root may enter, it needs the capability to pass file permissions:
 * to read and search, or else (files that only root may execute, containers) to override them.
 */
export async function chooseLauncher(
  account: Account | null,
  binaries: Binaries,
  directory: string,
): Promise<Launcher> {
  const launchers = account
    ? [
        asAccount(account),
        withCapability(account, 'dac_read_search'),
        withCapability(account, 'dac_override'),
      ]
    : [asOurselves]
  const complaints: string[] = []
  for (const launcher of launchers) {
    const complaint = await probe(launcher, binaries, directory)
    if (complaint === null) return launcher
    complaints.push(complaint)
  }
  const who = account ? `user ${account.uid}` : 'this user'
  throw new Error(
    `The embedded PostgreSQL cannot run as ${who}: ${[...new Set(complaints)].join('; ')}. ` +
      'Put the service and its DATA_DIR where that user may reach them, or set DATABASE_URL.',
  )
}

const asOurselves: Launcher = {
  command: (program, args) => ({ file: program, args: [...args], options: { cwd: '/', env: ENVIRONMENT } }),
}

const asAccount = ({ uid, gid }: Account): Launcher => ({
  command: (program, args) => ({
    file: program,
    args: [...args],
    options: { uid, gid, cwd: '/', env: ENVIRONMENT },
  }),
})

/** Without `no_setuid_fixup` access(2), by which PostgreSQL checks its binaries, would ignore the capability. */
const withCapability = ({ uid, gid }: Account, capability: string): Launcher => ({
  command: (program, args) => ({
    file: 'setpriv',
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
      '--securebits=+no_setuid_fixup',
      program,
      ...args,
    ],
    options: { cwd: '/', env: ENVIRONMENT },
  }),
})

/** Null when it works, else why not. `initdb --show` finds and checks all it needs, and changes nothing. */
async function probe(launcher: Launcher, binaries: Binaries, directory: string): Promise<string | null> {
  const script = 'cd "$1" && exec "$2" --show --pgdata="$1"'
  const { file, args, options } = launcher.command('/bin/sh', [
    '-c',
    script,
    'sh',
    directory,
    binaries.initdb,
  ])
  try {
    const { code, output } = await run(file, args, options, PROBE_TIMEOUT_MS)
    return code === 0 ? null : output
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}

/** Runs a program to its end; rejects when it cannot be started. `output` is the end of its stderr. */
export async function run(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
  timeoutMs: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(file, args, {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output = (output + chunk).slice(-2_000)
  })
  await once(child, 'close')
  return { code: child.exitCode, output: output.trim() }
}
