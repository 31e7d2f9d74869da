import type { Log } from '../../telemetry/log.js'
import type { Connection } from './connection.js'
import { prepareCluster } from './embedded-cluster.js'
import { launch, type Server, shutDown } from './embedded-server.js'
import { acquireOwnerLock } from './owner-lock.js'

const WATCH_EVERY_MS = 1_000

export interface EmbeddedPostgres {
  readonly connection: Connection
  /** Stops the server; call it last, when the pools are closed. */
  stop(): Promise<void>
}

/**
 * Runs a real PostgreSQL on `<dataDir>/postgres`, reached by a Unix socket only. One that a killed
 * daemon left running is adopted; one that dies is started again. Rejects, and leaves the server
 * alone, when another daemon uses the `dataDir`.
 */
export async function startEmbedded(options: {
  readonly dataDir: string
  readonly log: Log
  /** Called once, when another daemon has taken over the `dataDir`: this one must end. */
  readonly onLost: (err: Error) => void
}): Promise<EmbeddedPostgres> {
  const { dataDir, log, onLost } = options
  const cluster = await prepareCluster(dataDir)
  let server = await launch(cluster)
  announce(log, server)
  const lock = await acquireOwnerLock({ connection: server.connection, dataDir, log, onLost })

  let relaunching: Promise<void> | null = null
  const relaunch = async (): Promise<void> => {
    log.event('postgres.embedded_lost', { postgres_pid: server.pid })
    try {
      server = await launch(cluster)
      announce(log, server)
    } catch (err) {
      log.event('postgres.embedded_failed', { err })
    } finally {
      relaunching = null
    }
  }
  const watch = setInterval(() => {
    if (!relaunching && !server.isAlive()) relaunching = relaunch()
  }, WATCH_EVERY_MS)
  watch.unref()

  return {
    connection: server.connection,
    stop: async () => {
      clearInterval(watch)
      await relaunching
      await lock.release()
      await shutDown(server)
      log.event('postgres.embedded_stopped', { postgres_pid: server.pid })
    },
  }
}

function announce(log: Log, server: Server): void {
  log.event(server.adopted ? 'postgres.embedded_adopted' : 'postgres.embedded_started', {
    postgres_pid: server.pid,
  })
}
