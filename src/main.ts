import { welcome } from './app/welcome.js'
import { type App, startApp } from './app.js'
import { loadConfig } from './config/load.js'
import { ConfigError } from './config/problem.js'
import { openSecrets, type Secrets } from './config/secrets.js'
import { VERSION } from './config/version.js'
import { createLog } from './telemetry/log.js'
import { createMetrics } from './telemetry/metrics.js'

const FAILED = 1
/** sysexits.h EX_CONFIG: starting again will not help. */
const MISCONFIGURED = 78
/** How long after a signal the same one is taken for its echo, in milliseconds. */
const ECHO_MS = 1_000

await main()

async function main(): Promise<void> {
  const config = configuration()
  if (config === null) return
  const log = createLog(config.log.level)
  let stopping: Promise<void> | null = null
  let askedAt = 0

  const crash = (err: unknown): void => {
    log.event('service.crashed', { err })
    log.flush()
    process.exit(FAILED)
  }
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping !== null) {
      // Who asks again does not want to wait. At once it is an echo: npm and timeout pass on what the group has got.
      if (performance.now() - askedAt > ECHO_MS) process.exit(FAILED)
      return
    }
    askedAt = performance.now()
    log.event('service.stopping', { signal })
    stopping = stopped().catch(crash)
  }
  /** A start is not cut off: the PostgreSQL that it has begun would go on running. */
  const stopped = async (): Promise<void> => {
    const { app } = await started
    await app.close()
    log.event('service.stopped')
    log.flush()
    process.exit(0)
  }
  const start = async (): Promise<{ readonly app: App; readonly secrets: Secrets }> => {
    const secrets = await openSecrets(config)
    return { app: await startApp(config, secrets, { log, metrics: createMetrics() }, crash), secrets }
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGUSR2', () => {
    log.level = log.level === 'debug' ? config.log.level : 'debug'
    log.event('service.log_level_changed', { log_level: log.level })
  })

  log.event('service.starting', { version: VERSION, node: process.version })
  const started = start()
  try {
    const { app, secrets } = await started
    if (stopping !== null) return
    log.event('service.ready', { url: app.url })
    if (process.stderr.isTTY || config.database.kind === 'embedded')
      process.stderr.write(await welcome(app.url, secrets))
  } catch (error) {
    crash(error)
  }
}

function configuration(): ReturnType<typeof loadConfig> | null {
  try {
    return loadConfig()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const log = createLog('info')
    log.event('config.invalid', { err: error })
    log.flush()
    process.exitCode = MISCONFIGURED
    return null
  }
}
