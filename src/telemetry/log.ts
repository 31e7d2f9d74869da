import { type DestinationStream, pino } from 'pino'
import { EVENTS, type EventName } from './events.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** What a line may carry. Titles, contents, addresses and tokens have no place here. */
export interface LogFields {
  readonly notification_id?: string
  readonly tenant_id?: string
  readonly channel?: string
  readonly trace_id?: string | undefined
  readonly err?: unknown
  readonly [field: string]: unknown
}

export interface Log {
  event(name: EventName, fields?: LogFields): void
  level: string
  /** Writes what is buffered; called last. */
  flush(): void
}

/** Names that must never be logged, be it a field or something that an error carries. A wildcard would cost each line 7 µs. */
const REDACTED = [
  'email',
  'phone',
  'token',
  'authorization',
  'password',
  'secret',
  'title',
  'content',
  'metadata',
  'variables',
]

/** Lines are written in blocks of this many bytes, or after this many milliseconds. */
const BLOCK_BYTES = 4_096
const FLUSH_MS = 100

const standardOutput = (): LogDestination =>
  pino.destination({ dest: 1, sync: false, minLength: BLOCK_BYTES, periodicFlush: FLUSH_MS })

/** What is written to a pipe at once is not mixed with what others write to it (POSIX `PIPE_BUF`, on Linux). */
const UNMIXED_BYTES = 4_096

/** Standard output that other processes write to as well: longer lines than 4 KB may be mixed with theirs. */
export const sharedStandardOutput = (): LogDestination =>
  pino.destination({
    dest: 1,
    sync: false,
    minLength: UNMIXED_BYTES / 2,
    maxWrite: UNMIXED_BYTES,
    periodicFlush: FLUSH_MS,
  })

type LogDestination = DestinationStream & { flushSync?(): void }

export function createLog(level: LogLevel, destination: LogDestination = standardOutput()): Log {
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
      redact: { paths: REDACTED.flatMap((name) => [name, `err.${name}`]), censor: '[redacted]' },
    },
    destination,
  )
  return {
    event: (name, fields = {}) => logger[EVENTS[name]](fields, name),
    get level() {
      return logger.level
    },
    set level(next) {
      logger.level = next
    },
    flush: () => destination.flushSync?.(),
  }
}
