import pg from 'pg'
import { addressOf } from '../../src/state/postgres/connection.js'
import { TEMPLATE, TEMPLATE_ID, VARIABLES } from '../load/bodies.js'
import type { Measure } from '../measure.js'
import type { Daemon } from '../stand/daemon.js'
import { post } from '../stand/post.js'
import { senderToken, TENANT, userId } from '../stand/token.js'
import { acceptBy } from './accept.js'

const USERS = 100_000

/**
 * As `accept`, with everything that judges: a template, recipients with a language, a zone and three
 * subscriptions each, quiet hours, limits. The ceiling renders the same text with bare liquidjs.
 */
export const judging: Measure = {
  name: 'judging',
  run: async (stand, pace) =>
    acceptBy({
      channel: 'in_app',
      stand,
      pace,
      users: USERS,
      prepare,
      env: { TEMPLATES_AUTO_APPROVE: 'true' },
      name: `accept by template, ${USERS / 1_000} 000 users with preferences`,
      reach: { share: 0.6 },
    }),
}

async function prepare({ url, database }: Daemon): Promise<void> {
  const template = {
    tenant_id: TENANT,
    id: TEMPLATE_ID,
    name: 'Order sent',
    channel: 'in_app',
    locale: 'en',
    ...TEMPLATE,
    variables: Object.keys(VARIABLES),
  }
  await post(url, '/api/v1/templates', await senderToken(), JSON.stringify(template))
  const client = new pg.Client(addressOf(database))
  await client.connect()
  const digits = userId(0).replace(/^\D+/, '').length
  await client.query(`INSERT INTO recipients (tenant_id, user_id, locale, timezone)
    SELECT '${TENANT}', 'user-' || lpad(n::text, ${digits}, '0'), (ARRAY['zh', 'en', 'de'])[1 + n % 3],
      (ARRAY['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])[1 + n % 4]
    FROM generate_series(0, ${USERS - 1}) n`)
  await client.query(`INSERT INTO subscriptions (tenant_id, user_id, scope, notification_type, channel, enabled, frequency)
    SELECT tenant_id, user_id, scope, type, '', type <> 'marketing', 'immediate'
    FROM recipients, (VALUES ('group', 'marketing'), ('type', 'orders'), ('all', '')) AS rule(scope, type)`)
  await client.query('ANALYZE recipients, subscriptions')
  await client.end()
}
