import { Writable } from 'node:stream'
import type { Notification } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import {
  createEmailSink,
  type EmailOptions,
  type EmailSink,
  type SmtpServer,
  type SmtpTimeouts,
} from '../../src/sinks/email/index.js'
import type { Login } from '../../src/sinks/email/login.js'
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

export type EmailExtras = Pick<
  EmailOptions,
  'unsubscribeLinks' | 'bounceAddress' | 'dkim' | 'attachments' | 'bounces'
>

/** What most tests do not look at. */
export function noExtras(
  change: { [K in keyof EmailExtras]?: EmailExtras[K] | undefined } = {},
): EmailExtras {
  return {
    unsubscribeLinks: change.unsubscribeLinks ?? null,
    bounceAddress: change.bounceAddress ?? null,
    dkim: change.dkim ?? null,
    attachments: change.attachments ?? { read: async () => new Map() },
    bounces: change.bounces ?? { bounced: async () => undefined },
  }
}

/** A login by password. */
export const password = (username: string, secret: string): Login => ({
  kind: 'password',
  username,
  password: secret,
})

const TIMEOUTS: SmtpTimeouts = { connectMs: 5_000, greetingMs: 5_000, deliveryMs: 10_000 }

/** A sink for a server on this machine; whatever it leaves open is closed with the test. */
export function smtpSink(
  t: { teardown(handler: () => Promise<void>): void },
  port: number,
  change: Partial<SmtpServer> & {
    readonly log?: Log
    readonly timeouts?: Partial<SmtpTimeouts>
  } & Partial<EmailExtras> = {},
): EmailSink {
  const { log, timeouts, unsubscribeLinks, bounceAddress, dkim, attachments, bounces, ...server } = change
  const sink = createEmailSink({
    from: 'Billing <billing@sender.example>',
    timeouts: { ...TIMEOUTS, ...timeouts },
    ...noExtras({ unsubscribeLinks, bounceAddress, dkim, attachments, bounces }),
    log: log ?? keptLog().log,
    transport: {
      kind: 'smtp',
      host: '127.0.0.1',
      port,
      login: null,
      secure: false,
      requireTls: false,
      poolSize: 2,
      idleMs: 60_000,
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
