import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/config.js'
import { openSecrets } from '../config/secrets.js'
import { VERSION } from '../config/version.js'
import { createLog } from '../telemetry/log.js'
import { Crew } from './crew.js'
import { FAILED } from './exit-codes.js'
import { stopSignals } from './patience.js'
import { Renewal } from './renewal.js'

const WORKER = fileURLToPath(new URL('../worker.js', import.meta.url))

/**
 * Runs `server.workers` processes behind one port and does no work of its own: it replaces a worker that dies, stops
 * all of them in order on SIGTERM and SIGINT, and puts new ones in their place, one after the other, on SIGHUP.
 */
export async function supervise(config: Config): Promise<void> {
  const { workers, shutdownTimeoutMs } = config.server
  const log = createLog(config.log.level)
  let ending = false

  const exit = (code: number): void => {
    log.flush()
    process.exit(code)
  }
  // The workers notice that they are alone, and stop in order.
  const crash = (err: unknown): void => {
    log.event('service.crashed', { err })
    exit(FAILED)
  }
  const end = async (code: number): Promise<void> => {
    ending = true
    const orderly = await crew.stop()
    log.event('supervisor.stopped')
    exit(code === 0 && !orderly ? FAILED : code)
  }
  const crew = new Crew({
    size: workers,
    shutdownTimeoutMs,
    log,
    onHopeless: (reason, code) => {
      if (ending) return
      log.event('supervisor.gave_up', { reason })
      end(code).catch(crash)
    },
  })
  const renewal = new Renewal(crew, log)

  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  stopSignals(
    (signal) => {
      if (ending) return
      log.event('supervisor.stopping', { signal })
      end(0).catch(crash)
    },
    () => {
      crew.kill()
      exit(FAILED)
    },
  )
  process.on('SIGHUP', () => {
    if (!ending) renewal.ask()
  })
  process.on('SIGUSR2', () => {
    log.level = log.level === 'debug' ? config.log.level : 'debug'
    crew.setLogLevel(log.level)
    log.event('service.log_level_changed', { log_level: log.level })
  })

  log.event('supervisor.starting', { version: VERSION, node: process.version, workers })
  // Made once, so that the workers find them.
  const secrets = await openSecrets(config)
  cluster.setupPrimary({ exec: WORKER, args: [] })
  const url = await crew.start()
  if (ending) return
  log.event('supervisor.ready', { url, workers })
  if (process.stderr.isTTY) {
    const { welcome } = await import('../app/welcome.js')
    process.stderr.write(await welcome(url, secrets))
  }
}
