import { type BareService, startBareService } from './bare-service.js'
import { type Daemon, startDaemon } from './daemon.js'
import type { Stand } from './stand.js'

/** Ours and the ceiling, each on a database of its own in the same PostgreSQL. */
export async function bothServices(
  stand: Stand,
  options: Parameters<typeof startDaemon>[2] = {},
): Promise<{ readonly daemon: Daemon; readonly bare: BareService }> {
  const databases = await stand.databases()
  const bare = await startBareService(await databases.create())
  stand.defer(() => bare.stop())
  const daemon = await startDaemon(stand.folder, await databases.create(), options)
  stand.defer(() => daemon.stop())
  return { daemon, bare }
}
