import { errors } from 'undici'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import { retryAfterMs } from './retry-after.js'

const TIMEOUTS = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'LOOKUP_TIMEOUT',
  'ETIMEDOUT',
])

/**
 * What an answer means; null when the receiver took the notification.
 * @param host to name in the message, which holds nothing else from outside
 */
export function failureOfAnswer(
  status: number,
  retryAfter: string | undefined,
  host: string,
  now: number,
): DeliveryFailure | null {
  if (status >= 200 && status < 300) return null
  const answered = `${host} answered ${status}`
  if (status >= 300 && status < 400) {
    return new DeliveryFailure('rejected', `${answered}; redirects are not followed`, { retryable: false })
  }
  if (status === 410) return new DeliveryFailure('gone', answered, { retryable: false })
  const wait = status === 429 || status === 503 ? retryAfterMs(retryAfter, now) : null
  if (status === 429)
    return new DeliveryFailure('throttled', answered, { retryable: true, retryAfterMs: wait })
  if (status === 408 || status === 425 || (status >= 500 && status < 600)) {
    return new DeliveryFailure('unavailable', answered, { retryable: true, retryAfterMs: wait })
  }
  // Tried again although the receiver calls it our fault: a wrong deployment over there answers 404 or 401 too.
  return new DeliveryFailure('rejected', answered, { retryable: true })
}

/** What it means that there was no answer. */
export function failureOfError(error: unknown, host: string, signal: AbortSignal): DeliveryFailure {
  if (signal.aborted) return failureOfAbort(signal, `given up before ${host} answered`)
  const failed = (code: DeliveryFailureCode, message: string, retryable = true, cause = error) =>
    new DeliveryFailure(code, message, { retryable, cause })
  // The parser's error holds a piece of the answer, which must not reach a log.
  if (error instanceof errors.HTTPParserError) {
    return failed('unavailable', `${host} did not answer in HTTP`, true, new Error(error.message))
  }
  const code = codeOf(error)
  if (TIMEOUTS.has(code)) return failed('timeout', `${host} did not answer in time (${code})`)
  switch (code) {
    case 'ADDRESS_REFUSED':
      return failed('address_refused', `${host} does not lead to a public address`, false)
    case 'CLOSED':
      return failed('abandoned', `shut down before ${host} answered`)
    case 'UND_ERR_HEADERS_OVERFLOW':
      return failed('unavailable', `${host} answered with too many headers`)
    default:
      return failed('connection_failed', `the connection to ${host} failed (${code})`)
  }
}

/** Failures that say nothing of how a receiver fares: it is alive, or was not asked. */
const OF_OTHERS: ReadonlySet<DeliveryFailureCode> = new Set(['throttled', 'abandoned', 'not_configured'])

/** Whether a failure is to be remembered of the URL. Of one that is not registered only its end is of interest. */
export function tellsOfReceiver({ code }: DeliveryFailure, registered: boolean): boolean {
  return code === 'gone' || (registered && !OF_OTHERS.has(code))
}

/** A caller that stops the service knows so by itself; to everybody else an abort is the end of the time allowed. */
export function failureOfAbort({ reason }: AbortSignal, message: string): DeliveryFailure {
  if (reason instanceof DeliveryFailure) return reason
  return new DeliveryFailure('timeout', message, { retryable: true, cause: reason })
}

/** Node, OpenSSL, llhttp, undici and we ourselves put a name here that is fit for a message. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no code'
}
