import { createTransport, type SendMailOptions } from 'nodemailer'
import { DeliveryFailure, type DeliveryFailureCode, type Receipt } from '../../model/outcome.js'
import type { Log } from '../../telemetry/log.js'
import { within } from '../time-limit.js'
import { type Dkim, dkimOptions } from './dkim.js'
import { deliveryFailure } from './failure.js'
import { type Login, loginOptions } from './login.js'
import { queueId } from './queue-id.js'
import type { MailTransport } from './transport.js'

export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** Null: none. */
  readonly login: Login | null
  /** TLS from the first byte, as on port 465. */
  readonly secure: boolean
  /** Without `secure`: send nothing unless STARTTLS succeeds, so that stripping it off gains an attacker nothing. */
  readonly requireTls: boolean
  /** Connections kept open, and deliveries at once. */
  readonly poolSize: number
  /** How long a connection is kept when there is nothing to send, in milliseconds. */
  readonly idleMs: number
  readonly tls?: {
    /** PEM of the authority to trust instead of the public ones. */
    readonly ca?: string
    /** The name expected in the certificate, when it is not the host. */
    readonly servername?: string
  }
}

/** All in milliseconds. */
export interface SmtpTimeouts {
  /** From the DNS look-up to the end of the TLS handshake. */
  readonly connectMs: number
  readonly greetingMs: number
  /** Of one delivery, whatever the server does meanwhile. Also the longest that `close` waits. */
  readonly deliveryMs: number
}

/** Idle connections say QUIT before their silence counts as a failure. */
const SILENCE_MARGIN_MS = 5_000
/** Of one reply; what is longer is not SMTP. */
const MAX_REPLY_BYTES = 64 * 1024

/**
 * Delivers over a pool of kept-alive connections. An aborted delivery destroys the
 * connection that it had; the other deliveries keep theirs.
 */
export function smtp(server: SmtpServer, timeouts: SmtpTimeouts, dkim: Dkim | null, log: Log): MailTransport {
  const { host, port, login, secure, requireTls, poolSize, idleMs, tls } = server
  const { auth, close: endLogin } = loginOptions(login, timeouts.connectMs)
  const mailer = createTransport({
    pool: true,
    host,
    port,
    secure,
    requireTLS: requireTls,
    auth,
    dkim: dkimOptions(dkim),
    tls,
    maxConnections: poolSize,
    maxMessages: Number.POSITIVE_INFINITY,
    connectionTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: Math.max(idleMs, timeouts.deliveryMs) + SILENCE_MARGIN_MS,
    idleTimeout: idleMs,
    maxResponseSize: MAX_REPLY_BYTES,
    // Destroyed at once: a half-closed socket would still send what is buffered and outlive its place in the pool.
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const inFlight = new Set<Promise<Receipt>>()
  let usable = true
  let closed = false

  const send = async (message: SendMailOptions, signal: AbortSignal): Promise<Receipt> => {
    try {
      const { response } = await within(timeouts.deliveryMs, signal, async (limited) =>
        mailer.sendMail({ ...message, signal: limited }),
      )
      usable = true
      const providerId = queueId(response)
      return providerId === null ? {} : { providerId }
    } catch (error) {
      if (signal.aborted) throw stopped(signal.reason)
      const failure = deliveryFailure(error)
      // Once until mail flows again: every message of a backlog would say the same.
      if (OURS_TO_MEND.has(failure.code) && usable) {
        usable = false
        log.event('email.server_unusable', { channel: 'email', host, port, err: failure })
      }
      throw failure
    }
  }

  return {
    target: 'smtp',
    async deliver(message, _notification, signal) {
      if (closed) throw unavailable('mail is shutting down')
      // The lane has one slot a connection; this only keeps a mistake there from growing nodemailer's queue.
      if (inFlight.size >= poolSize * 2) throw unavailable('every mail connection is busy')
      const delivery = send(message, signal)
      inFlight.add(delivery)
      try {
        return await delivery
      } finally {
        inFlight.delete(delivery)
      }
    },
    async close() {
      closed = true
      let timer: NodeJS.Timeout | undefined
      const deadline = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeouts.deliveryMs)
      })
      await Promise.race([Promise.allSettled(inFlight), deadline])
      clearTimeout(timer)
      mailer.close({ force: true })
      await endLogin()
    },
  }
}

/** What only the operator can put right. */
const OURS_TO_MEND: ReadonlySet<DeliveryFailureCode> = new Set(['unavailable', 'account_refused'])

const unavailable = (message: string): DeliveryFailure =>
  new DeliveryFailure('unavailable', message, { retryable: true })

const stopped = (cause: unknown): DeliveryFailure =>
  new DeliveryFailure('timeout', 'stopped before the mail server took the message', {
    retryable: true,
    cause,
  })
