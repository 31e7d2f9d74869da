import type { UserAddress } from '../../streams/ports.js'

/** Tells users apart whatever their ids contain. */
export function userKey(user: UserAddress): string {
  return `${user.tenantId.length}:${user.tenantId}${user.userId}`
}
