import type { EachBatchPayload } from 'kafkajs'

type Committing = Pick<EachBatchPayload, 'commitOffsetsIfNecessary' | 'uncommittedOffsets'>

/** A commit is a round trip; what it leaves out comes again after a crash, and is known by then. */
const EVERY_MS = 1_000

/** Commits what is resolved in all partitions, one commit at a time. */
export class Commits {
  #last = 0
  #underWay: Promise<void> | null = null

  /** When the last one is long enough ago. */
  async sometimes(batch: Committing): Promise<void> {
    if (performance.now() - this.#last >= EVERY_MS) await this.now(batch)
  }

  /** Resolves once everything that is resolved now is committed. */
  async now(batch: Committing): Promise<void> {
    while (this.#underWay !== null) await this.#underWay.catch(() => undefined)
    const offsets = batch.uncommittedOffsets()
    if (offsets.topics.every(({ partitions }) => partitions.length === 0)) return
    this.#underWay = batch.commitOffsetsIfNecessary(offsets)
    try {
      await this.#underWay
      this.#last = performance.now()
    } finally {
      this.#underWay = null
    }
  }
}
