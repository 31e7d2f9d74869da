import type { Device } from '../../model/device.js'
import type { Notification } from '../../model/notification.js'
import type { UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'

/** A device that its provider no longer reaches. */
export interface GoneDevice extends Device {
  /** Since when, in epoch milliseconds; null: the provider does not say. */
  readonly goneAt: number | null
}

/** Where the devices of users are kept. */
export interface DeviceDirectory {
  /**
   * Forgets devices that are gone, except those that were registered since: after `goneAt`, or after `askedAt`
   * (epoch milliseconds), when their provider was asked. Resolves to those that were removed.
   */
  removeGone(user: UserAddress, gone: readonly GoneDevice[], askedAt: number): Promise<readonly Device[]>
}

/** How long an attempt waits for the directory, in milliseconds: its result must not be lost for this. */
const PATIENCE_MS = 2_000

/** Takes devices that are gone out of the directory. What fails here is made good by the next push to that user. */
export async function removeGone(
  directory: DeviceDirectory,
  log: Log,
  { id, tenantId, userId }: Notification,
  gone: readonly GoneDevice[],
  askedAt: number,
): Promise<readonly Device[]> {
  if (gone.length === 0) return []
  const fields = { notification_id: id, tenant_id: tenantId, channel: 'push' }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the directory does not answer in time')), PATIENCE_MS)
  })
  try {
    const removed = await Promise.race([directory.removeGone({ tenantId, userId }, gone, askedAt), late])
    if (removed.length > 0) log.event('push.devices_removed', { ...fields, devices: removed.length })
    return removed
  } catch (error) {
    log.event('push.devices_kept', { ...fields, devices: gone.length, err: error })
    return []
  } finally {
    clearTimeout(timer)
  }
}
