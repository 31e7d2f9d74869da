import { setTimeout as delay } from 'node:timers/promises'
import type { Measure, Round } from '../measure.js'
import { figure, MILLISECONDS, repeat } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { startDaemon } from '../stand/daemon.js'
import { number } from '../stand/fields.js'
import { post } from '../stand/post.js'
import { redisAddress } from '../stand/redis-address.js'
import { senderToken, TENANT, userId } from '../stand/token.js'

const CAMPAIGN = 100_000
const BATCH = 1_000
/** Batches that are posted at once. */
const AT_ONCE = 4
const SMALL = 'small-tenant'
const RATE_PER_SECOND = 20

/** What a small tenant's webhooks wait while another's campaign of the same priority drains, beside without it. */
export const fairness: Measure = {
  name: 'fairness',
  async run(stand, { rounds, seconds }) {
    const { host, port: redisPort } = redisAddress(await stand.redis())
    const database = await (await stand.databases()).create()
    const env = { WEBHOOK_ALLOW_PRIVATE: 'true', REDIS_ADDR: `${host}:${redisPort}` }
    const daemon = await startDaemon(stand.folder, database, { env })
    stand.defer(() => daemon.stop())
    const load = startChild('fairness-load')
    stand.defer(() => load.stop())
    const port = number(await load.ask('listen'), 'port')
    const token = await senderToken(SMALL)
    const small = async (): Promise<Round> => {
      const fields = { url: daemon.url, port, token, tenant: SMALL, rate: RATE_PER_SECOND, seconds }
      const found = await load.ask('run', fields)
      if (number(found, 'lost') + number(found, 'refused') > 0) {
        throw new Error(`${found.lost} messages never came, ${found.refused} were refused`)
      }
      return { p50: number(found, 'p50'), p99: number(found, 'p99') }
    }
    const received = async (): Promise<number> => number(await load.ask('received'), 'campaign')

    await small()
    const alone = await repeat(rounds, small)
    await postCampaign(daemon.url, `http://127.0.0.1:${port}/campaign`)
    const beside = await repeat(rounds, small)
    if ((await received()) >= CAMPAIGN) throw new Error('the campaign was over before the rounds were')
    while ((await received()) < CAMPAIGN) await delay(500)
    const found = { ours: beside, beside: alone }
    const name = `small tenant beside ${CAMPAIGN} webhooks of another`
    return [
      figure(`${name}, P50`, 'p50', MILLISECONDS, found, { what: 'without them' }),
      figure(`${name}, P99`, 'p99', MILLISECONDS, found, { what: 'without them' }),
    ]
  },
}

async function postCampaign(url: string, webhookUrl: string): Promise<void> {
  const token = await senderToken()
  let next = 0
  const some = async (): Promise<void> => {
    while (next < CAMPAIGN) {
      const first = next
      next += BATCH
      const body = JSON.stringify({
        tenant_id: TENANT,
        user_ids: Array.from({ length: BATCH }, (_, n) => userId(first + n)),
        channel: 'webhook',
        title: 'All of our lamps for half the price',
        content: 'Until Sunday only.',
        metadata: { webhook_url: webhookUrl },
      })
      await post(url, '/api/v1/notifications/batch', token, body)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, some))
}
