import type { Frame, FrameReceiver, Relay, UserAddress } from '../../streams/ports.js'
import { userKey } from './user-key.js'

/** The relay of a single instance: frames go straight to it. */
export class MemoryRelay implements Relay {
  readonly #joined = new Set<string>()
  #receiver: FrameReceiver | null = null

  async toUser(user: UserAddress, frame: Frame): Promise<number> {
    if (this.#receiver === null || !this.#joined.has(userKey(user))) return 0
    this.#receiver.toUser(user, frame)
    return 1
  }

  async toTenant(tenantId: string, frame: Frame): Promise<void> {
    this.#receiver?.toTenant(tenantId, frame)
  }

  async join(user: UserAddress): Promise<void> {
    this.#joined.add(userKey(user))
  }

  async leave(user: UserAddress): Promise<void> {
    this.#joined.delete(userKey(user))
  }

  onFrame(receiver: FrameReceiver): void {
    this.#receiver = receiver
  }
}
