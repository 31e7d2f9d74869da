import type { Admin } from 'kafkajs'
import { type Place, placeKey } from './records.js'

/** Where the group is in a partition. */
export interface Standing extends Place {
  /** The offset that the next record will have. */
  readonly end: bigint
  /** How many the group has not committed. */
  readonly lag: number
}

export interface Group {
  readonly groupId: string
  readonly fromBeginning: boolean
}

/** By what the brokers say: of the whole group, whichever instance asks. */
export async function standings(
  admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'>,
  topics: readonly string[],
  { groupId, fromBeginning }: Group,
): Promise<readonly Standing[]> {
  const committed = new Map<string, bigint>()
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: [...topics] })) {
    for (const { partition, offset } of partitions) {
      committed.set(placeKey({ topic, partition }), BigInt(offset))
    }
  }
  const ofTopics = topics.map(async (topic) =>
    (await admin.fetchTopicOffsets(topic)).map(({ partition, high, low }): Standing => {
      const end = BigInt(high)
      const next = committed.get(placeKey({ topic, partition })) ?? -1n
      // Kafka writes a negative one where nothing was committed yet.
      const from = next >= 0n ? next : fromBeginning ? BigInt(low) : end
      return { topic, partition, end, lag: Number(end > from ? end - from : 0n) }
    }),
  )
  return (await Promise.all(ofTopics)).flat()
}
