import type { Channel } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { ChannelCounters } from './ports.js'
import type { Stage } from './stage.js'

/**
 * Suppresses what goes beyond the limit of a channel whose messages cost money. Unlike the other limits
 * it holds when the counters are lost or away. Critical notifications pass, and so does a retry.
 * @param perHour for each recipient
 */
export function channelLimit(counters: ChannelCounters, perHour: ReadonlyMap<Channel, number>): Stage {
  const limited: Verdict = { kind: 'suppress', reason: 'rate_limited' }
  return {
    name: 'channel_limit',
    concerns: ({ notification: { channel, priority, attempt } }) =>
      perHour.has(channel) && priority !== 'critical' && attempt === 0,
    check: async (subjects) => {
      const keys = subjects.map(({ notification }) => notification)
      return (await counters.take(keys, perHour)).map((below) => (below ? PASS : limited))
    },
  }
}
