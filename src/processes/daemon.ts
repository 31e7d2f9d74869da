import { setTimeout as delay } from 'node:timers/promises'
import { type App, startApp } from '../app.js'
import type { Config } from '../config/config.js'
import { openSecrets, type Secrets } from '../config/secrets.js'
import { VERSION } from '../config/version.js'
import type { LogFields } from '../telemetry/log.js'
import { openTracing } from '../telemetry/open-tracing.js'
import type { Recording } from '../telemetry/telemetry.js'
import type { Tracing } from '../telemetry/tracing.js'
import { FAILED } from './exit-codes.js'
import { stopSignals } from './patience.js'

export interface DaemonHooks {
  /** It listens at this URL. */
  readonly onReady: (url: string, secrets: Secrets, grpcUrl: string | null) => Promise<void>
  /** It has stopped in order, and the process ends when this resolves. */
  readonly onStopped?: () => Promise<void>
}

export interface RunningDaemon {
  /** Stops in order and ends the process; asked again it changes nothing. `why` is for the log. */
  stop(why: LogFields): void
  /** The same where others listen on the port: it leaves that to them first, so that no request is refused. */
  retire(why: LogFields): void
}

/** How long one that retires serves what was on its way to it, in milliseconds. */
const LINGER_MS = 1_000

interface Started {
  readonly app: App
  readonly secrets: Secrets
  readonly tracing: Tracing
}

/** The service in this process: it stops in order on SIGTERM and SIGINT, and ends the process when it cannot go on. */
export function runDaemon(config: Config, telemetry: Recording, hooks: DaemonHooks): RunningDaemon {
  const { log } = telemetry
  const hurry = new AbortController()
  let stopping: Promise<void> | null = null

  const crash = (err: unknown): void => {
    log.event('service.crashed', { err })
    log.flush()
    process.exit(FAILED)
  }
  /** A start is not cut off: the PostgreSQL that it has begun would go on running. */
  const stopped = async (): Promise<void> => {
    const { app, tracing } = await started
    if (!hurry.signal.aborted) {
      app.retire()
      await delay(LINGER_MS, undefined, { signal: hurry.signal }).catch(() => undefined)
    }
    await app.close()
    await tracing.close()
    log.event('service.stopped')
    log.flush()
    await hooks.onStopped?.()
    process.exit(0)
  }
  const retire = (why: LogFields): void => {
    if (stopping !== null) return
    log.event('service.stopping', why)
    stopping = stopped().catch(crash)
  }
  const stop = (why: LogFields): void => {
    hurry.abort()
    retire(why)
  }
  const start = async (): Promise<Started> => {
    const secrets = await openSecrets(config)
    const tracing = await openTracing(config.tracing, telemetry)
    return { app: await startApp(config, secrets, { ...telemetry, tracing }, crash), secrets, tracing }
  }
  const announce = async (): Promise<void> => {
    const { app, secrets } = await started
    if (stopping !== null) return
    log.event('service.ready', { url: app.url, grpc_url: app.grpcUrl })
    await hooks.onReady(app.url, secrets, app.grpcUrl)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  stopSignals(
    (signal) => stop({ signal }),
    () => process.exit(FAILED),
  )

  log.event('service.starting', { version: VERSION, node: process.version })
  const started = start()
  announce().catch(crash)
  return { stop, retire }
}
