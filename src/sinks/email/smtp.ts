import { createTransport, type SendMailOptions } from 'nodemailer'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Log } from '../../telemetry/log.js'
import { deliveryFailure } from './failure.js'
import { queueId } from './queue-id.js'
import type { MailTransport } from './transport.js'

export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** Null: no login. */
  readonly username: string | null
  readonly password: string | null
  /** TLS from the first byte, as on port 465. */
  readonly secure: boolean
  /** Without `secure`: send nothing unless STARTTLS succeeds, so that stripping it off gains an attacker nothing. */
  readonly requireTls: boolean
  /** Connections kept open, and deliveries at once. */
  readonly poolSize: number
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
  /** Silence of the server in a conversation. Also the longest that `close` waits. */
  readonly socketMs: number
}

/**
 * Delivers over a pool of kept-alive connections. An aborted delivery destroys the
 * connection that it had; the other deliveries keep theirs.
 */
export function smtp(server: SmtpServer, timeouts: SmtpTimeouts, log: Log): MailTransport {
  const { host, port, username, password, secure, requireTls, poolSize, tls } = server
  const mailer = createTransport({
    pool: true,
    host,
    port,
    secure,
    requireTLS: requireTls,
    auth: username === null ? undefined : { user: username, pass: password ?? '' },
    tls,
    maxConnections: poolSize,
    maxMessages: Number.POSITIVE_INFINITY,
    connectionTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: timeouts.socketMs,
    // Idle connections say QUIT before silence counts as a failure.
    idleTimeout: Math.ceil(timeouts.socketMs / 2),
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
      const { response } = await mailer.sendMail({ ...message, signal })
      usable = true
      const providerId = queueId(response)
      return providerId === null ? {} : { providerId }
    } catch (error) {
      if (signal.aborted) throw stopped(signal)
      const failure = deliveryFailure(error)
      // Once until mail flows again: every message of a backlog would say the same.
      if (failure.code === 'unavailable' && usable) {
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
        timer = setTimeout(resolve, timeouts.socketMs)
      })
      await Promise.race([Promise.allSettled(inFlight), deadline])
      clearTimeout(timer)
      mailer.close({ force: true })
    },
  }
}

const unavailable = (message: string): DeliveryFailure =>
  new DeliveryFailure('unavailable', message, { retryable: true })

const stopped = (signal: AbortSignal): DeliveryFailure =>
  new DeliveryFailure('timeout', 'stopped before the mail server took the message', {
    retryable: true,
    cause: signal.reason,
  })
