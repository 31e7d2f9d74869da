import type { Test } from 'tap'
import type { Daemon } from './daemon.js'
import { Device } from './receivers.js'

/** No test takes longer. */
const LIFE_MS = 3_600_000

/** A user's client as the documentation wants it: cut off it comes back, and names the last notification that it has seen. */
export class Follower {
  readonly userId: string
  readonly #devices: Device[] = []
  #following: Promise<void> | null = null
  #left = false

  private constructor(userId: string) {
    this.userId = userId
  }

  /** Resolves when it has connected for the first time. */
  static async start(t: Pick<Test, 'teardown'>, daemon: Daemon, userId: string): Promise<Follower> {
    const follower = new Follower(userId)
    const token = await daemon.token(userId, ['user'])
    const connect = async (since: string | null): Promise<Device> => {
      const device = await Device.connect(t, daemon.url, token, since)
      follower.#devices.push(device)
      return device
    }
    const follow = async (first: Device): Promise<void> => {
      let device = first
      let since: string | null = null
      for (;;) {
        await device.end(LIFE_MS)
        if (follower.#left) return
        since = seenBy(device, since)
        device = await connect(since)
      }
    }
    follower.#following = follow(await connect(null))
    t.teardown(() => follower.leave())
    return follower
  }

  async leave(): Promise<void> {
    this.#left = true
    await this.#devices.at(-1)?.leave()
    await this.#following
  }

  get returns(): number {
    return this.#devices.length - 1
  }

  /** How it was cut off, each time. */
  get ends(): readonly (number | undefined)[] {
    return this.#devices.slice(0, -1).map(({ closed }) => closed?.code)
  }

  /** Whether each return was answered with all that was missed. */
  get resumed(): readonly unknown[] {
    return this.#devices.slice(1).map(({ frames }) => frames.find(({ type }) => type === 'resumed')?.complete)
  }

  /** How often it was shown each notification. */
  get shown(): ReadonlyMap<unknown, number> {
    const shown = new Map<unknown, number>()
    for (const { type, id } of this.#devices.flatMap(({ frames }) => frames)) {
      if (type === 'notification') shown.set(id, (shown.get(id) ?? 0) + 1)
    }
    return shown
  }
}

/** Until what was missed is complete what comes may be newer than that. */
function seenBy({ frames }: Device, since: string | null): string | null {
  const isComplete = since === null || frames.some(({ type }) => type === 'resumed')
  const last = frames.findLast(({ type }) => type === 'notification')
  return isComplete && last !== undefined ? String(last.id) : since
}
