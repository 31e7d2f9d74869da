import type { UserAddress } from '../../streams/ports.js'
import type { Connection } from './connection.js'

/** The open sockets of one user: one a device. */
export interface Room {
  readonly user: UserAddress
  /** Replaced, never changed: sending to it may end a connection, which then leaves. */
  connections: readonly Connection[]
}

/** Sockets by tenant and user. */
export class Rooms {
  readonly #tenants = new Map<string, Map<string, Room>>()

  find({ tenantId, userId }: UserAddress): Room | undefined {
    return this.#tenants.get(tenantId)?.get(userId)
  }

  /** Gives the room when this opened it. */
  enter(connection: Connection): Room | null {
    const { user } = connection
    const room = this.find(user)
    if (room !== undefined) {
      room.connections = [...room.connections, connection]
      return null
    }
    const opened: Room = { user, connections: [connection] }
    const tenant = this.#tenants.get(user.tenantId)
    if (tenant === undefined) this.#tenants.set(user.tenantId, new Map([[user.userId, opened]]))
    else tenant.set(user.userId, opened)
    return opened
  }

  /** Gives the room when this left it empty. Leaving twice does nothing. */
  exit(connection: Connection): Room | null {
    const { user } = connection
    const room = this.find(user)
    if (room === undefined || !room.connections.includes(connection)) return null
    room.connections = room.connections.filter((other) => other !== connection)
    if (room.connections.length > 0) return null
    const tenant = this.#tenants.get(user.tenantId)
    tenant?.delete(user.userId)
    if (tenant?.size === 0) this.#tenants.delete(user.tenantId)
    return room
  }

  /** The sockets of a tenant; may be walked in pieces while others come and go. */
  *ofTenant(tenantId: string): Generator<Connection, void> {
    for (const room of this.#tenants.get(tenantId)?.values() ?? []) yield* room.connections
  }
}
