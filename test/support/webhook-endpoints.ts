import type { Test } from 'tap'
import { endpointId } from '../../src/model/id.js'
import { PostgresWebhookEndpoints } from '../../src/state/postgres/webhook-endpoints.js'
import { KnownEndpoints } from '../../src/state/postgres/webhook-endpoints-known.js'
import { WebhookHealth } from '../../src/state/postgres/webhook-health.js'
import { Sealing } from '../../src/state/sealing.js'
import { testRecipients } from './recipients.js'
import { recordLog } from './recorded-log.js'

export const SEALED_WITH = 'the secret of the service'

/** The registry as two instances see it, over a database of their own. */
export async function testEndpoints(t: Pick<Test, 'teardown'>, { disableAfterMs = 60_000 } = {}) {
  const { a, b, pool } = await testRecipients(t)
  const of = (instance: typeof a, secrets: readonly string[] = [SEALED_WITH]) => {
    const sealing = new Sealing(secrets, 'test')
    const log = recordLog()
    const known = new KnownEndpoints(instance.store, instance.changes, sealing)
    const stopped: string[] = []
    const health = new WebhookHealth(instance.store, {
      disableAfterMs,
      onStopped: (tenantId, url) => {
        stopped.push(`${tenantId} ${url}`)
        known.forgetUrl(tenantId, url)
        instance.known.forgetAddress({ tenantId, channel: 'webhook', address: url })
      },
      log,
    })
    t.teardown(() => health.close())
    const registry = new PostgresWebhookEndpoints(instance.store, {
      newId: () => endpointId(Date.now()),
      now: () => Date.now(),
      sealing,
      suppressions: instance.suppressions,
      known,
    })
    return { ...instance, log, endpoints: known, stopped, health, registry }
  }
  return { a: of(a), b: of(b), pool, of: (secrets: readonly string[]) => of(b, secrets) }
}
