import type { Frame, FrameReceiver, Relay, UserAddress } from '../../streams/ports.js'

/** The relay of a single instance: frames go straight to it. */
export class MemoryRelay implements Relay {
  readonly #joined = new Map<string, Set<string>>()
  #receiver: FrameReceiver | null = null

  async toUser(user: UserAddress, frame: Frame): Promise<number> {
    if (this.#receiver === null || !this.joined(user.tenantId).has(user.userId)) return 0
    this.#receiver.toUser(user, frame)
    return 1
  }

  async toTenant(tenantId: string, frame: Frame): Promise<void> {
    this.#receiver?.toTenant(tenantId, frame)
  }

  async join({ tenantId, userId }: UserAddress): Promise<void> {
    const users = this.#joined.get(tenantId)
    if (users === undefined) this.#joined.set(tenantId, new Set([userId]))
    else users.add(userId)
  }

  async leave({ tenantId, userId }: UserAddress): Promise<void> {
    const users = this.#joined.get(tenantId)
    users?.delete(userId)
    if (users?.size === 0) this.#joined.delete(tenantId)
  }

  /** The users of a tenant who have joined. */
  joined(tenantId: string): ReadonlySet<string> {
    return this.#joined.get(tenantId) ?? NOBODY
  }

  /** It is never away. */
  async settled(): Promise<boolean> {
    return true
  }

  onFrame(receiver: FrameReceiver): void {
    this.#receiver = receiver
  }
}

const NOBODY: ReadonlySet<string> = new Set()
