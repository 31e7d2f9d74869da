import { Queue, Worker } from 'bullmq'
import { batchBody } from '../load/bodies.js'
import { Latencies } from '../load/latencies.js'
import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS, RATE, repeat } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { startDaemon } from '../stand/daemon.js'
import { number } from '../stand/fields.js'
import { post } from '../stand/post.js'
import { redisAddress } from '../stand/redis-address.js'
import { senderToken } from '../stand/token.js'

const ITEMS = 10_000
const BATCH = 500
const USERS = Array.from({ length: BATCH }, (_, n) => n)
/** Long enough to have everything accepted before the first is due. */
const AHEAD_MS = 4_000
const SPREAD_MS = 2_000

/**
 * Scheduled notifications, seen at their users' sockets: all due at one moment, and a stream of
 * them. Beside the first stands BullMQ with empty delayed jobs: no store, no delivery.
 */
export const due: Measure = {
  name: 'due',
  async run(stand, { rounds }) {
    const databases = await stand.databases()
    const daemon = await startDaemon(stand.folder, await databases.create())
    stand.defer(() => daemon.stop())
    const sockets = startChild('sockets')
    stand.defer(() => sockets.stop())
    const { url } = daemon
    await sockets.ask('open', { url, first: 0, users: BATCH })
    const token = await senderToken()

    const schedule = async (spreadMs: number): Promise<Round> => {
      const first = Date.now() + AHEAD_MS
      const arrived = sockets.ask('lateness', { url, items: ITEMS })
      const batches = ITEMS / BATCH
      for (let n = 0; n < batches; n += 1) {
        const at = first + Math.floor((n * spreadMs) / batches)
        await post(url, '/api/v1/notifications/batch', token, batchBody('websocket', USERS, at, at))
      }
      if (Date.now() > first) throw new Error('accepting took longer than planned')
      const found = await arrived
      if (number(found, 'lost') > 0) throw new Error(`${found.lost} items never came`)
      if (number(found, 'early') > 0) throw new Error(`${found.early} items came early`)
      return {
        perSecond: (ITEMS * 1000) / (number(found, 'last') - first),
        p50: number(found, 'p50'),
        p99: number(found, 'p99'),
      }
    }

    const bull = await delayedJobs(redisAddress(await stand.redis()))
    stand.defer(() => bull.close())
    await schedule(0)
    const burst = await alternate(rounds, () => schedule(0), bull.run)
    const stream = await repeat(rounds, () => schedule(SPREAD_MS))
    const what = 'BullMQ, empty jobs'
    return [
      figure(`${ITEMS} due at one moment`, 'perSecond', RATE, burst, { what, reach: { value: 5_000 } }),
      figure(`${ITEMS} due at one moment, lateness P50`, 'p50', MILLISECONDS, burst, { what }),
      figure(`${ITEMS} due at one moment, lateness P99`, 'p99', MILLISECONDS, burst, { what }),
      figure(`${ITEMS} due over ${SPREAD_MS / 1000} s, lateness P50`, 'p50', MILLISECONDS, { ours: stream }),
      figure(
        `${ITEMS} due over ${SPREAD_MS / 1000} s, lateness P99`,
        'p99',
        MILLISECONDS,
        { ours: stream },
        {
          reach: { value: 1_000 },
        },
      ),
    ]
  },
}

async function delayedJobs(connection: { readonly host: string; readonly port: number }) {
  const queue = new Queue('bench-delayed', { connection })
  let done: (due: number) => void = () => undefined
  const worker = new Worker<{ due: number }>('bench-delayed', async ({ data }) => done(data.due), {
    connection,
    concurrency: 50,
    removeOnComplete: { count: 0 },
  })
  await worker.waitUntilReady()
  return {
    async run(): Promise<Round> {
      const first = Date.now() + AHEAD_MS
      const latencies = new Latencies()
      const finished = new Promise<void>((resolve) => {
        done = (due) => {
          latencies.record(Date.now() - due)
          if (latencies.count === ITEMS) resolve()
        }
      })
      for (let n = 0; n < ITEMS; n += BATCH) {
        const delay = first - Date.now()
        await queue.addBulk(USERS.map(() => ({ name: 'empty', data: { due: first }, opts: { delay } })))
      }
      if (Date.now() > first) throw new Error('adding took longer than planned')
      await finished
      const { p50, p99 } = latencies.summary()
      return { perSecond: (ITEMS * 1000) / (Date.now() - first), p50, p99 }
    },
    async close(): Promise<void> {
      await worker.close()
      await queue.close()
    },
  }
}
