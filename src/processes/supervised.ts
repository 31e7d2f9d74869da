import cluster from 'node:cluster'
import type { Config } from '../config/config.js'
import { createLog, sharedStandardOutput } from '../telemetry/log.js'
import { createMetrics } from '../telemetry/metrics.js'
import { runDaemon } from './daemon.js'
import { SupervisorLink } from './supervisor-link.js'

/** The service as one of several workers. */
export function runWorker(config: Config): void {
  const log = createLog(config.log.level, sharedStandardOutput())
  const metrics = createMetrics()
  const link = new SupervisorLink(metrics.registry)
  // Otherwise a worker whose supervisor is gone would end at once instead of in order.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true

  const daemon = runDaemon(
    config,
    { log, metrics: { ...metrics, scrape: () => link.scrape() } },
    { onReady: async (url) => link.ready(url), onStopped: () => link.farewell() },
  )
  link.listen({
    onStop: () => daemon.stop({ reason: 'supervisor' }),
    onRetire: () => daemon.retire({ reason: 'renewed' }),
    onAlone: () => daemon.stop({ reason: 'supervisor_gone' }),
    onLogLevel: (level) => {
      log.level = level
      log.event('service.log_level_changed', { log_level: level })
    },
  })
  // What the process group gets is for the supervisor, which tells its workers.
  process.on('SIGHUP', () => undefined)
  process.on('SIGUSR2', () => undefined)
}
