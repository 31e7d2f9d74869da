import {
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  noop,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { COSTLY, type Notification } from '../model/notification.js'
import { DeliveryFailure, type DeliveryFailureCode, type Outcome } from '../model/outcome.js'
import { type Breakers, isOpen } from './breakers.js'
import type { DeliveryPolicy, Sink } from './ports.js'

export type Attempting = (notification: Notification) => Promise<Outcome | { readonly kind: 'released' }>

/** Failures that a second try a second later may mend. A timeout has cost too much already. */
const TRANSIENT: ReadonlySet<DeliveryFailureCode> = new Set(['connection_failed', 'unavailable'])
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 5_000

/**
 * Nobody waits for a sink that does not stop when it is told to; only where a message costs money it is waited
 * for, because it alone knows whether the message went out. (Aborting what has ended well would make an
 * exception for each delivery.)
 */
const IN_TIME = { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false }
const TO_THE_END = { strategy: TimeoutStrategy.Cooperative, abortOnReturn: false }

/**
 * Makes one attempt: a timeout around each try, a retry around the timeout, a breaker around
 * both. What runs out of time is aborted through the signal, not left running.
 * @param cutOff aborts everything under way; such an attempt ends as `released`
 */
export function attempting(
  sink: Sink,
  policy: DeliveryPolicy,
  breakers: Breakers,
  cutOff: AbortSignal,
): Attempting {
  const bounded = (inTime: typeof IN_TIME) => wrap(retrying(policy.tries), timeout(policy.timeoutMs, inTime))
  const usual = bounded(IN_TIME)
  const patient = bounded(TO_THE_END)
  return async (notification) => {
    if (cutOff.aborted) return { kind: 'released' }
    const costly = COSTLY.has(notification.channel)
    const guard = costly ? patient : usual
    try {
      const receipt = await breakers.run(
        sink.target(notification),
        () =>
          translated(
            () => guard.execute(({ signal }) => sink.send(notification, signal), cutOff),
            policy.timeoutMs,
            costly,
          ),
        cutOff,
      )
      return { kind: 'sent', receipt }
    } catch (error) {
      const failure = asFailure(error, costly)
      return cutOff.aborted && !failure.uncertain ? { kind: 'released' } : { kind: 'failed', failure }
    }
  }
}

function retrying(tries: number): IPolicy {
  if (tries <= 1) return noop
  return retry(
    handleWhen((error) => error instanceof DeliveryFailure && error.retryable && TRANSIENT.has(error.code)),
    {
      maxAttempts: tries - 1,
      backoff: new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS, maxDelay: LONGEST_PAUSE_MS }),
    },
  )
}

/** The breaker must see a timeout as what it is: a fault of the provider. */
async function translated<T>(work: () => Promise<T>, timeoutMs: number, uncertain: boolean): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof TaskCancelledError || isAbort(error))) throw error
    throw new DeliveryFailure('timeout', `no answer within ${timeoutMs} ms`, {
      retryable: true,
      uncertain,
      cause: error,
    })
  }
}

/** What a sink throws that has only been told to stop. */
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** @param costly what went wrong in a way nobody thought of may have cost something */
function asFailure(error: unknown, costly: boolean): DeliveryFailure {
  if (error instanceof DeliveryFailure) return error
  if (isOpen(error)) {
    return new DeliveryFailure('circuit_open', 'the provider has been failing; not tried', {
      retryable: true,
      cause: error,
    })
  }
  return new DeliveryFailure('internal', 'the sink failed in an unexpected way', {
    retryable: true,
    uncertain: costly,
    cause: error,
  })
}
