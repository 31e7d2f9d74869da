import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { ConfigError } from '../config/problem.js'
import { createLog } from '../telemetry/log.js'
import { MISCONFIGURED } from './exit-codes.js'

/** Where it cannot be used that is logged, and the process ends with 78. */
export function configuration(): Config {
  try {
    return loadConfig()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const log = createLog('info')
    log.event('config.invalid', { err: error })
    log.flush()
    process.exit(MISCONFIGURED)
  }
}
