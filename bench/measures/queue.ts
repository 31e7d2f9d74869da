import { Queue as BullQueue, Worker } from 'bullmq'
import { notificationId } from '../../src/model/id.js'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { connectRedis } from '../../src/state/redis/connection.js'
import { RedisQueue } from '../../src/state/redis/queue.js'
import type { Queue, ReadyEntry } from '../../src/streams/ports.js'
import { createLog } from '../../src/telemetry/log.js'
import type { Measure, Round } from '../measure.js'
import { alternate, figure, RATE, repeat } from '../rounds.js'
import { redisAddress } from '../stand/redis-address.js'

const BATCH = 200
/** Batches on their way at once. */
const AT_ONCE = 4
/** Jobs that the worker has at once. */
const CONCURRENCY = 50
const OURS_PER_SECOND = 25_000
const JOBS_PER_SECOND = 1_000
const CONNECT_WITHIN_MS = 5_000

/**
 * A number of entries put in and taken out again, in batches as the stream and the lane do it. BullMQ adds
 * in batches of the same size and runs empty jobs; it also keeps their state, which ours leaves to PostgreSQL.
 */
export const queue: Measure = {
  name: 'queue',
  async run(stand, { rounds, seconds }) {
    const server = await stand.redis()
    const connection = connectRedis({ address: server.url, prefix: 'bench' }, createLog('silent'))
    stand.defer(() => connection.close())
    await connection.connected(AbortSignal.timeout(CONNECT_WITHIN_MS))
    const redis = new RedisQueue(connection)
    await redis.open()
    const bull = await emptyJobs(redisAddress(server))
    stand.defer(() => bull.close())

    const entries = OURS_PER_SECOND * seconds
    const jobs = JOBS_PER_SECOND * seconds
    await throughOurs(redis, entries / 4)
    await bull.run(jobs / 4)
    const found = await alternate(
      rounds,
      () => throughOurs(redis, entries),
      () => bull.run(jobs),
    )
    const memory = new MemoryQueue()
    await throughOurs(memory, entries)
    const inMemory = await repeat(rounds, () => throughOurs(memory, entries))
    return [
      figure('queue in Redis, in and out', 'perSecond', RATE, found, { what: 'BullMQ' }),
      figure('queue in memory, in and out', 'perSecond', RATE, { ours: inMemory }),
    ]
  },
}

async function throughOurs(through: Queue, entries: number): Promise<Round> {
  const began = performance.now()
  let left = entries
  const pump = async (): Promise<void> => {
    while (left > 0) {
      await through.push(Array.from({ length: BATCH }, entry))
      left -= (await through.take('webhook', BATCH)).length
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, pump))
  return { perSecond: ((entries - left) * 1000) / (performance.now() - began) }
}

function entry(): ReadyEntry {
  const now = Date.now()
  return { id: notificationId(now), channel: 'webhook', priority: 'high', tenantId: 'bench' }
}

async function emptyJobs(connection: { readonly host: string; readonly port: number }) {
  const queue = new BullQueue('bench', { connection })
  let done: () => void = () => undefined
  const worker = new Worker('bench', async () => done(), {
    connection,
    concurrency: CONCURRENCY,
    removeOnComplete: { count: 0 },
  })
  await worker.waitUntilReady()
  return {
    async run(jobs: number): Promise<Round> {
      const began = performance.now()
      let left = jobs
      const finished = new Promise<void>((resolve) => {
        done = () => {
          left -= 1
          if (left === 0) resolve()
        }
      })
      for (let added = 0; added < jobs; added += BATCH) {
        await queue.addBulk(
          Array.from({ length: Math.min(BATCH, jobs - added) }, () => ({
            name: 'empty',
            data: { id: notificationId(Date.now()) },
          })),
        )
      }
      await finished
      return { perSecond: (jobs * 1000) / (performance.now() - began) }
    },
    async close(): Promise<void> {
      await worker.close()
      await queue.close()
    },
  }
}
