import { broadcastBody } from '../load/bodies.js'
import { sharedNow } from '../load/latencies.js'
import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS } from '../rounds.js'
import { bothServices } from '../stand/both-services.js'
import { startChild } from '../stand/child.js'
import { number } from '../stand/fields.js'
import { collectGarbage } from '../stand/inspector.js'
import { post } from '../stand/post.js'
import { senderToken } from '../stand/token.js'

const SOCKETS = 10_000
/** Each holds its share of the sockets of both services. */
const PROCESSES = 2
const BROADCASTS = 5

/** From `POST /broadcast` to the last of 10 000 sockets, and what the daemon holds for each while nothing happens. */
export const broadcast: Measure = {
  name: 'broadcast',
  async run(stand, { rounds }) {
    const { daemon, bare } = await bothServices(stand, { inspect: true })
    const children = Array.from({ length: PROCESSES }, () => startChild('sockets'))
    for (const child of children) stand.defer(() => child.stop())
    const token = await senderToken()
    const users = SOCKETS / PROCESSES
    const open = (url: string): Promise<unknown> =>
      Promise.all(children.map((child, n) => child.ask('open', { url, first: n * users, users })))
    const memory = async () => {
      await collectGarbage(daemon.inspector)
      return {
        resident: await daemon.metric('notification_process_resident_memory_bytes'),
        heap:
          (await daemon.metric('notification_nodejs_heap_size_used_bytes')) +
          (await daemon.metric('notification_nodejs_external_memory_bytes')),
      }
    }

    const before = await memory()
    await open(daemon.url)
    const after = await memory()
    await open(bare.url)

    const sent = new Map<string, number>()
    const once = async (url: string): Promise<Round> => {
      const broadcasts = (sent.get(url) ?? 0) + 1
      sent.set(url, broadcasts)
      const waiting = children.map((child) => child.ask('everyone', { url, broadcasts }))
      const began = sharedNow()
      await post(url, '/api/v1/broadcast', token, broadcastBody())
      const ends = await Promise.all(waiting)
      if (ends.some((end) => number(end, 'lost') > 0)) throw new Error('a broadcast did not reach everyone')
      return { ms: Math.max(...ends.map((end) => number(end, 'lastAt'))) - began }
    }
    await once(daemon.url)
    await once(bare.url)
    const found = await alternate(
      rounds * BROADCASTS,
      () => once(daemon.url),
      () => once(bare.url),
    )
    const perSocket = (key: 'resident' | 'heap'): Round[] => [
      { kb: (after[key] - before[key]) / SOCKETS / 1024 },
    ]
    const kilobytes = { unit: 'KB', better: 'lower' } as const
    return [
      figure(`broadcast to ${SOCKETS} sockets, to the last`, 'ms', MILLISECONDS, found, {
        reach: { value: 100 },
      }),
      figure(
        'a socket, heap and buffers',
        'kb',
        kilobytes,
        { ours: perSocket('heap') },
        { reach: { value: 8 } },
      ),
      figure('a socket, resident memory', 'kb', kilobytes, { ours: perSocket('resident') }),
    ]
  },
}
