import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../src/model/json.js'
import type { Client } from './client.js'
import { eventually, Watch } from './waiting.js'

const BACK_OFF_MS = 25

/** Clients that send one notification after the other and keep what they were promised. */
export class Load {
  /** What was answered with 200: the promise that is audited. */
  readonly accepted = new Set<string>()
  /** Other answers by status; 0 is none at all. */
  readonly refusals = new Map<number, number>()
  /** Refusals that say when to come back. */
  politeRefusals = 0
  readonly #watch = new Watch()
  readonly #workers: Promise<void>[]
  #stopped = false

  constructor(client: Client, message: JsonObject, concurrency: number) {
    this.#workers = Array.from({ length: concurrency }, () => this.#work(client, message))
  }

  /** Resolves when so many have been accepted since now. */
  async more(count: number): Promise<void> {
    const wanted = this.accepted.size + count
    await this.#watch.until(() => this.accepted.size >= wanted, `${count} more to be accepted`, 60_000)
  }

  refused(status: number): Promise<boolean> {
    return this.#watch.until(() => (this.refusals.get(status) ?? 0) > 0, `an answer ${status}`)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  async #work(client: Client, message: JsonObject): Promise<void> {
    while (!this.#stopped) {
      const answer = await client.send(message).catch(() => null)
      if (answer?.status === 200) {
        this.accepted.add(answer.body.id)
      } else {
        const status = answer?.status ?? 0
        this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1)
        if (answer?.headers['retry-after'] !== undefined) this.politeRefusals += 1
        await delay(BACK_OFF_MS)
      }
      this.#watch.changed()
    }
  }
}

/** By status, what became of notifications, once none of those that were promised is open. */
export async function outcomes(
  client: Client,
  userId: string,
  promised: ReadonlySet<string>,
  withinMs = 60_000,
): Promise<Readonly<Record<string, number>>> {
  return eventually(
    async () => {
      const statuses = new Map((await client.all(userId, 'webhook')).map(({ id, status }) => [id, status]))
      const counts: Record<string, number> = {}
      for (const id of promised) {
        const status = statuses.get(id) ?? 'lost'
        counts[status] = (counts[status] ?? 0) + 1
      }
      return !counts.pending && !counts.sending && counts
    },
    'everything to be final',
    withinMs,
  )
}
