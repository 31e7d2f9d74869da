import { isAlive } from '../../src/state/postgres/embedded-pidfile.js'
import type { Client } from './client.js'
import type { Daemon } from './daemon.js'
import { eventually } from './waiting.js'

/** The pids of a daemon's workers that are ready and run, the oldest first. */
export const workersOf = ({ lines, pid }: Daemon): readonly number[] =>
  lines
    .filter((line) => line.event === 'service.ready' && line.pid !== pid)
    .map((line) => Number(line.pid))
    .filter(isAlive)

/** Resolves to their pids when so many are ready. */
export const readyWorkers = (daemon: Daemon, count: number): Promise<readonly number[]> =>
  eventually(async () => {
    const pids = workersOf(daemon)
    return pids.length === count && pids
  }, `${count} workers`)

/** The sum of a metric's lines that carry all of `labels`, as `/metrics` shows it. */
export async function metric(client: Client, name: string, ...labels: readonly string[]): Promise<number> {
  const { status, text } = await client.get('/metrics')
  if (status !== 200) throw new Error(text)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
