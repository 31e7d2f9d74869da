import type { Channel } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { ChannelCounters } from './ports.js'
import { isCounted } from './rate-limit.js'
import type { Stage } from './stage.js'

/**
 * Suppresses what goes beyond the limit of a channel whose messages cost money. Unlike the other limits
 * it holds when the counters are lost or away. Critical notifications pass, and so does what was counted before.
 * @param perHour for each recipient
 */
export function channelLimit(counters: ChannelCounters, perHour: ReadonlyMap<Channel, number>): Stage {
  const limited: Verdict = { kind: 'suppress', reason: 'rate_limited' }
  return {
    name: 'channel_limit',
    concerns: ({ notification }) => perHour.has(notification.channel) && isCounted(notification),
    check: async (subjects) => {
      const keys = subjects.map(({ notification }) => notification)
      return (await counters.take(keys, perHour)).map((below) => (below ? PASS : limited))
    },
  }
}
