import { Pool } from 'undici'
import { webhookRequest } from '../../src/sinks/webhook/request.js'
import { signingKey } from '../../src/sinks/webhook/signature.js'
import { WebhookSink } from '../../src/sinks/webhook/webhook.js'
import { atOnce } from '../load/at-once.js'
import { aNotification } from '../load/notification.js'
import type { Measure } from '../measure.js'
import { alternate, figure, RATE } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { number } from '../stand/fields.js'

const AT_ONCE = 50
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** The sink beside an undici pool that signs its calls in the same way and does nothing else. */
export const webhook: Measure = {
  name: 'webhook',
  async run(stand, { rounds, seconds }) {
    const receiver = startChild('http-receiver')
    stand.defer(() => receiver.stop())
    const origin = `http://127.0.0.1:${number(await receiver.ask('listen'), 'port')}`
    const notification = aNotification({ metadata: { webhook_url: `${origin}/hooks/orders` } })
    const sink = new WebhookSink({
      secrets: [SECRET],
      endpoints: { find: async () => null, record: () => undefined },
      allowlist: [],
      allowPrivate: true,
      maxResponseBytes: 65_536,
      maxConnectionsPerOrigin: AT_ONCE,
      version: 'bench',
    })
    stand.defer(() => sink.close())
    const pool = new Pool(origin, { connections: AT_ONCE, pipelining: 1 })
    stand.defer(() => pool.close())
    const keys = [signingKey(SECRET)]

    const ours = () => sink.send(notification, new AbortController().signal)
    const bare = async () => {
      const request = webhookRequest(notification, Math.floor(Date.now() / 1000), keys, 'bench')
      const answer = await pool.request({ method: 'POST', path: '/hooks/orders', ...request })
      await answer.body.dump()
    }
    const half = seconds / 2
    await atOnce(AT_ONCE, half, ours)
    await atOnce(AT_ONCE, half, bare)
    const found = await alternate(
      rounds,
      () => atOnce(AT_ONCE, half, ours),
      () => atOnce(AT_ONCE, half, bare),
    )
    return [
      figure(`webhook sends, ${AT_ONCE} at once`, 'perSecond', RATE, found, {
        what: 'bare undici',
        reach: { share: 0.7 },
      }),
    ]
  },
}
