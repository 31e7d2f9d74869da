import { welcome } from '../app/welcome.js'
import type { Config } from '../config/config.js'
import { createLog } from '../telemetry/log.js'
import { createMetrics } from '../telemetry/metrics.js'
import { runDaemon } from './daemon.js'

/** The service as the only process. */
export function runAlone(config: Config): void {
  const log = createLog(config.log.level)
  runDaemon(
    config,
    { log, metrics: createMetrics() },
    {
      onReady: async (url, secrets, grpcUrl) => {
        if (process.stderr.isTTY || config.database.kind === 'embedded')
          process.stderr.write(await welcome(url, secrets, grpcUrl))
      },
    },
  )
  process.on('SIGUSR2', () => {
    log.level = log.level === 'debug' ? config.log.level : 'debug'
    log.event('service.log_level_changed', { log_level: log.level })
  })
}
