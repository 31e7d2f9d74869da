import { Writable } from 'node:stream'
import type { Notification } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import type { UnsubscribeLinks } from '../../src/model/unsubscribe-links.js'
import {
  createEmailSink,
  type EmailSink,
  type SmtpServer,
  type SmtpTimeouts,
} from '../../src/sinks/email/index.js'
import { createLog, type Log } from '../../src/telemetry/log.js'
import { aNotification } from './notification.js'

export const ADDRESS = 'reader@example.org'
export const NEVER: AbortSignal = new AbortController().signal

export function mailTo(email: string, change: Partial<Notification> = {}): Notification {
  return aNotification({
    channel: 'email',
    notificationType: 'billing',
    title: 'Your bill',
    content: '<p>Hello</p>',
    metadata: { email },
    attempt: 1,
    ...change,
  })
}

/** A log and the lines it wrote. */
export function keptLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { log: createLog('debug', destination), lines }
}

const TIMEOUTS: SmtpTimeouts = { connectMs: 5_000, greetingMs: 5_000, socketMs: 10_000 }

/** A sink for a server on this machine; whatever it leaves open is closed with the test. */
export function smtpSink(
  t: { teardown(handler: () => Promise<void>): void },
  port: number,
  change: Partial<SmtpServer> & {
    readonly log?: Log
    readonly timeouts?: Partial<SmtpTimeouts>
    readonly unsubscribeLinks?: UnsubscribeLinks
  } = {},
): EmailSink {
  const { log, timeouts, unsubscribeLinks = null, ...server } = change
  const sink = createEmailSink({
    from: 'Billing <billing@sender.example>',
    timeouts: { ...TIMEOUTS, ...timeouts },
    unsubscribeLinks,
    log: log ?? keptLog().log,
    transport: {
      kind: 'smtp',
      host: '127.0.0.1',
      port,
      username: null,
      password: null,
      secure: false,
      requireTls: false,
      poolSize: 2,
      ...server,
    },
  })
  t.teardown(() => sink.close())
  return sink
}

/** The failure that a delivery ends in. */
export async function failureOf(delivery: Promise<unknown>): Promise<DeliveryFailure> {
  const error = await delivery.then(
    () => new Error('it was delivered'),
    (reason: unknown) => reason,
  )
  if (error instanceof DeliveryFailure) return error
  throw error
}
