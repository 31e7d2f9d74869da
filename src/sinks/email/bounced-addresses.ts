import { givenAddress } from '../../model/address.js'
import type { Notification } from '../../model/notification.js'
import type { Receipt } from '../../model/outcome.js'
import type { Log } from '../../telemetry/log.js'
import { unless } from '../time-limit.js'
import { NoMailbox } from './failure.js'

/** Remembers addresses that do not exist, so that nothing more is sent to them. */
export interface BouncedAddresses {
  /** @param note the server's codes, such as `550 5.1.1` */
  bounced(tenantId: string, address: string, note: string): Promise<void>
}

/** The delivery has failed whatever comes of this, and its result must not wait for a store that is away. */
const LONGEST_MS = 5_000

type Recording = (notification: Notification, deliver: () => Promise<Receipt>) => Promise<Receipt>

/** Lets deliveries pass, and tells of addresses that the mail server surely does not know. */
export function recordingBounces(bounces: BouncedAddresses, log: Log): Recording {
  return async (notification, deliver) => {
    try {
      return await deliver()
    } catch (error) {
      if (error instanceof NoMailbox && error.certain !== null) {
        await record(notification, error.certain)
      }
      throw error
    }
  }

  async function record({ id, tenantId, metadata }: Notification, note: string): Promise<void> {
    const fields = { notification_id: id, tenant_id: tenantId, channel: 'email', reason: note }
    const address = givenAddress('email', metadata)
    if (address === null) return
    try {
      await unless(AbortSignal.timeout(LONGEST_MS), bounces.bounced(tenantId, address, note))
      log.event('email.address_bounced', fields)
    } catch (err) {
      log.event('email.bounce_not_recorded', { ...fields, err })
    }
  }
}
