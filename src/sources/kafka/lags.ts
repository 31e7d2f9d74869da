import type { Admin } from 'kafkajs'

export interface Group {
  readonly groupId: string
  readonly fromBeginning: boolean
}

/**
 * How many records of each topic the group has not committed, by what the brokers say: of the whole group,
 * whichever instance asks. What a transaction wrote besides its records counts, too.
 */
export async function lags(
  admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'>,
  topics: readonly string[],
  { groupId, fromBeginning }: Group,
): Promise<ReadonlyMap<string, number>> {
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] })
  const lagOf = async (topic: string): Promise<readonly [string, number]> => {
    const partitions = committed.find((offsets) => offsets.topic === topic)?.partitions ?? []
    const next = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
    let lag = 0n
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
      const offset = next.get(partition) ?? -1n
      // A negative one stands where nothing was committed yet.
      const from = offset >= 0n ? offset : BigInt(fromBeginning ? low : high)
      if (BigInt(high) > from) lag += BigInt(high) - from
    }
    return [topic, Number(lag)]
  }
  return new Map(await Promise.all(topics.map(lagOf)))
}
