import type { SendMailOptions } from 'nodemailer'
import type { Notification } from '../../model/notification.js'
import type { Receipt } from '../../model/outcome.js'

/** Takes a composed message from here. Throws `DeliveryFailure`. */
export interface MailTransport {
  /** What the circuit breaker guards; null: nothing to break. */
  readonly target: string | null
  deliver(message: SendMailOptions, notification: Notification, signal: AbortSignal): Promise<Receipt>
  /** Takes no more, lets what is under way finish for a bounded time, and frees the connections. */
  close(): Promise<void>
}
