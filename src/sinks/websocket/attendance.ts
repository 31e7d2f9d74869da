import type { Presence, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import type { Room } from './rooms.js'

/** Users told of in one call. */
const BATCH = 1_000
/** The users of one interval are told again over this many ticks. */
const SLICES = 30

export interface AttendanceOptions {
  /** In milliseconds. Presence forgets who is not told of again within three of these. */
  readonly presenceMs: number
}

/**
 * Keeps presence told of who has sockets here: at once when somebody comes or goes, many in one call when many do,
 * and of everybody again and again. What could not be told is told with the next round.
 */
export class Attendance {
  readonly #presence: Presence
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  /** With the slice in which each is told of again. */
  readonly #rooms = new Map<Room, number>()
  #came: UserAddress[] = []
  #went: UserAddress[] = []
  #telling: Promise<void> | null = null
  #entered = 0
  #ticks = 0
  #failing = false

  constructor(presence: Presence, log: Log, { presenceMs }: AttendanceOptions) {
    this.#presence = presence
    this.#log = log
    this.#timer = setInterval(() => this.#tick(), Math.max(1, Math.round(presenceMs / SLICES)))
    this.#timer.unref()
  }

  /** The relay reaches the room. */
  enter(room: Room): void {
    this.#rooms.set(room, this.#entered++ % SLICES)
    this.#came.push(room.user)
    this.#tell()
  }

  exit(room: Room): void {
    this.#rooms.delete(room)
  }

  /** The relay has taken note that it is empty. */
  left(room: Room): void {
    this.#went.push(room.user)
    this.#tell()
  }

  /** What was told may be lost. */
  again(): void {
    for (const { user } of this.#rooms.keys()) this.#came.push(user)
    this.#tell()
  }

  /** Resolves once everything is told, or could not be. */
  async settled(): Promise<void> {
    await this.#telling
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    this.#ticks += 1
    const slice = this.#ticks % SLICES
    for (const [{ user }, own] of this.#rooms) {
      if (own === slice) this.#came.push(user)
    }
    if (this.#came.length > 0) this.#tell()
  }

  #tell(): void {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null
      if (this.#came.length + this.#went.length > 0) this.#tell()
    })
  }

  /** Who comes and goes at once is told of in that order: presence looks for itself who is still there. */
  async #tellAll(): Promise<void> {
    await new Promise(setImmediate)
    while (this.#came.length + this.#went.length > 0) {
      const [came, went] = [this.#came.splice(0, BATCH), this.#went.splice(0, BATCH)]
      try {
        if (came.length > 0) await this.#presence.present(came)
        if (went.length > 0) await this.#presence.left(went)
        this.#failing = false
      } catch (err) {
        if (!this.#failing) this.#log.event('presence.failed', { err })
        this.#failing = true
      }
    }
  }
}
