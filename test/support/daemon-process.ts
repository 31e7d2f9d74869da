import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LogLine } from './telemetry.js'
import type { Watch } from './waiting.js'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** What a daemon said, over all its lives. */
export interface Records {
  readonly raw: string[]
  readonly lines: LogLine[]
  readonly watch: Watch
  stderr: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Process {
  readonly child: ChildProcess
  readonly pid: number
  /** Where its lines begin among those of its predecessors. */
  readonly firstLine: number
  readonly exited: Promise<Exit>
  readonly exit: () => Exit | null
}

/** Starts `dist/main.js` in `home` with nothing of this process's environment but PATH. */
export async function launchDaemon(
  home: string,
  env: Readonly<Record<string, string>>,
  records: Records,
): Promise<Process> {
  if (!existsSync(MAIN))
    throw new Error(`There is no ${MAIN}: these tests run what is built, so run "npm run build" first`)
  const child = spawn(process.execPath, [MAIN], {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (child.pid === undefined) throw new Error(`${MAIN} could not be started`)
  await writeFile(join(home, 'daemon.pid'), `${child.pid}`)
  const firstLine = records.lines.length
  createInterface(child.stdout).on('line', (line) => {
    records.raw.push(line)
    records.lines.push(JSON.parse(line))
    records.watch.changed()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    records.stderr += text
    records.watch.changed()
  })
  let exit: Exit | null = null
  const exited = new Promise<Exit>((resolve) => {
    // Not `exit`: by then its last lines are read, too.
    child.once('close', (code, signal) => {
      exit = { code, signal }
      resolve(exit)
      records.watch.changed()
    })
  })
  return { child, pid: child.pid, firstLine, exited, exit: () => exit }
}
