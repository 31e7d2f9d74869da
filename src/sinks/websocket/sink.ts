import type { Notification } from '../../model/notification.js'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Clock, Frame, Relay, Sink, UserAddress } from '../../streams/ports.js'
import { notificationFrame } from './frames.js'

const DELIVERED: Receipt = {}
/** One for all: it is no defect, and its stack would be the dearest part of the attempt. */
const OFFLINE = new DeliveryFailure('offline', 'the user has no open socket', { retryable: false })

/** Shows a notification on every open socket of its user. Never retried: what was missed is in the inbox. */
export class WebSocketSink implements Sink {
  readonly #relay: Relay
  readonly #clock: Clock

  constructor(relay: Relay, clock: Clock) {
    this.#relay = relay
    this.#clock = clock
  }

  /** The relay is shared by all and heals by itself. */
  target(): null {
    return null
  }

  async send(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const { tenantId, userId } = notification
    const frame = notificationFrame(notification, this.#clock.now())
    const instances = await unlessAborted(this.#reach({ tenantId, userId }, frame, signal), signal)
    if (instances === 0) throw OFFLINE
    return DELIVERED
  }

  /** Right after an outage of the relay a user who is connected may look offline. */
  async #reach(user: UserAddress, frame: Frame, signal: AbortSignal): Promise<number> {
    const instances = await this.#relay.toUser(user, frame)
    if (instances > 0 || (await this.#relay.settled(signal))) return instances
    return this.#relay.toUser(user, frame)
  }
}

function unlessAborted(relayed: Promise<number>, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      const options = { retryable: false, cause: signal.reason }
      reject(new DeliveryFailure('timeout', 'the relay did not answer in time', options))
    }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    relayed
      .then(resolve, (cause: unknown) =>
        reject(
          new DeliveryFailure('unavailable', 'the relay cannot be reached', { retryable: false, cause }),
        ),
      )
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}
