import t, { type Test } from 'tap'
import { SigningKeys } from '../../../src/sinks/webhook/signing-keys.js'
import { SEEN } from '../../../src/state/postgres/webhook-endpoint-statements.js'
import { eventually } from '../../support/waiting.js'
import { SEALED_WITH, testEndpoints } from '../../support/webhook-endpoints.js'

const A = 'https://hooks.example.org/a'
const NEW = { url: A, description: null, enabled: null }

t.test('what one instance changes, another knows', async (t) => {
  const { a, b } = await testEndpoints(t)
  t.equal(await b.endpoints.find('acme', A), null)
  const { endpoint, secret } = await a.registry.create('acme', NEW, 'svc')
  await b.caughtUp()
  t.match(await b.endpoints.find('acme', A), {
    registered: true,
    secrets: [{ secret, expiresAt: null }],
    disabled: null,
  })
  t.equal(await b.endpoints.find('other', A), null)
  t.same(
    await b.endpoints.urls([
      { tenantId: 'acme', id: endpoint.id },
      { tenantId: 'other', id: endpoint.id },
    ]),
    [A, null],
  )

  const rotated = await a.registry.rotate('acme', endpoint.id, 60_000)
  await b.caughtUp()
  const found = await b.endpoints.find('acme', A)
  t.match(found?.secrets, [
    { secret: rotated?.secret, expiresAt: null },
    { secret, expiresAt: Number },
  ])

  await a.registry.change('acme', endpoint.id, { url: `${A}2`, description: undefined, enabled: null })
  await b.caughtUp()
  t.equal(await b.endpoints.find('acme', A), null)
  t.same(await b.endpoints.urls([{ tenantId: 'acme', id: endpoint.id }]), [`${A}2`])

  await a.suppressions.add({ tenantId: 'acme', channel: 'webhook', address: `${A}2` }, 'manual', null)
  await b.caughtUp()
  t.match(await b.endpoints.find('acme', `${A}2`), { disabled: 'manual' })
  await a.registry.remove('acme', endpoint.id)
  await b.caughtUp()
  t.match(await b.endpoints.find('acme', `${A}2`), { registered: false, secrets: [], disabled: 'manual' })
})

t.test('what is asked for at the same moment goes in one statement, and is remembered', async (t) => {
  const { a } = await testEndpoints(t)
  await a.registry.create('acme', NEW, 'svc')
  await a.caughtUp()
  const before = a.store.statements
  const ask = () => Promise.all([0, 1, 2, 3].map((n) => a.endpoints.find('acme', n === 0 ? A : `${A}${n}`)))
  const [first, ...others] = await ask()
  t.match(first, { registered: true })
  t.same(others, [null, null, null])
  t.equal(a.store.statements, before + 1)
  t.same(await ask(), [first, null, null, null])
  t.equal(a.store.statements, before + 1)
})

t.test('secrets are sealed, and opened with the secret before', async (t) => {
  const { a, pool, of } = await testEndpoints(t)
  const { secret } = await a.registry.create('acme', NEW, 'svc')
  const { rows } = await pool.query('SELECT secrets::text FROM webhook_endpoints')
  t.notMatch(rows[0].secrets, secret.slice(6, 20))
  const rotated = of(['a new one', SEALED_WITH])
  t.match(await rotated.endpoints.find('acme', A), { secrets: [{ secret }] })
  t.match(await of(['a new one']).endpoints.find('acme', A), { secrets: [{ secret: null }] })
})

t.test('what rotating keeps is sealed anew, and what it cannot read is dropped', async (t) => {
  const { a, of } = await testEndpoints(t)
  const { endpoint, secret } = await a.registry.create('acme', NEW, 'svc')
  const both = await of(['a new one', SEALED_WITH]).registry.rotate('acme', endpoint.id, 60_000)
  const after = of(['a new one'])
  const signing = new SigningKeys([])
  t.match(await after.endpoints.find('acme', A), { secrets: [{ secret: both?.secret }, { secret }] })

  const lost = of(['another'])
  const keys = async () => signing.of(await lost.endpoints.find('acme', A), Date.now())
  await t.rejects(keys(), { code: 'not_configured' })
  const rotated = await lost.registry.rotate('acme', endpoint.id, 60_000)
  t.equal(rotated?.endpoint.secrets.length, 1)
  t.equal((await keys()).length, 1)
})

t.test('URLs that JSON makes longer than a notice may be', async (t) => {
  const { a, b, pool } = await testEndpoints(t)
  const url = (n: number) => `https://hooks.example.org/${n}?${'\\'.repeat(2_000)}`
  const { endpoint } = await a.registry.create('acme', { ...NEW, url: url(1) }, 'svc')
  const known = async (n: number) => {
    await b.caughtUp()
    return b.endpoints.find('acme', url(n))
  }
  await known(1)
  await known(2)
  const second = await a.registry.rotate('acme', endpoint.id, 0)
  t.match(await known(1), { secrets: [{ secret: second?.secret }] })
  await b.endpoints.urls([{ tenantId: 'acme', id: endpoint.id }])
  await a.registry.change('acme', endpoint.id, { url: url(2), description: undefined, enabled: null })
  t.equal(await known(1), null)
  t.match(await known(2), { registered: true })
  t.same(await b.endpoints.urls([{ tenantId: 'acme', id: endpoint.id }]), [url(2)])

  const long = '\u0001'.repeat(2_000)
  const standing = () => b.known.find([{ tenantId: 'acme', userId: 'x', channel: 'webhook', address: long }])
  t.match(await standing(), [{ suppression: null }])
  t.equal(await b.endpoints.find('acme', long), null)
  await pool.query(`INSERT INTO suppressions VALUES ('acme', 'webhook', $1, 'manual')`, [long])
  await b.caughtUp()
  t.match(await standing(), [{ suppression: 'manual' }])
  t.match(await b.endpoints.find('acme', long), { disabled: 'manual' })

  t.equal(await a.registry.remove('acme', endpoint.id), true)
  t.equal(await known(2), null)
})

t.test('health is written once for many, and told to nobody', async (t) => {
  const { a, b } = await testEndpoints(t)
  const { endpoint } = await a.registry.create('acme', NEW, 'svc')
  await b.caughtUp()
  await b.endpoints.find('acme', A)
  const before = a.store.statements
  for (let n = 0; n < 100; n += 1) a.health.record('acme', A, n % 10 === 6 ? 'sent' : 'timeout')
  a.health.record('acme', 'https://not.registered.example/', 'sent')
  await a.health.flush()
  t.equal(a.store.statements, before + 1)
  const found = await a.registry.find('acme', endpoint.id)
  t.match(found, {
    consecutiveFailures: 3,
    lastFailure: 'timeout',
    lastSuccessAt: Number,
    lastFailureAt: Number,
  })
  t.type(found?.failingSince, 'number')
  const statements = b.store.statements
  await b.caughtUp()
  await b.endpoints.find('acme', A)
  t.equal(b.store.statements, statements, 'still remembered')

  a.health.record('acme', A, 'unavailable')
  await a.health.flush()
  t.match(await a.registry.find('acme', endpoint.id), {
    consecutiveFailures: 4,
    failingSince: found?.failingSince,
    lastFailure: 'unavailable',
  })
  a.health.record('acme', A, 'sent')
  await a.health.flush()
  t.match(await a.registry.find('acme', endpoint.id), {
    consecutiveFailures: 0,
    failingSince: null,
    disabledAt: null,
  })
})

t.test('what is gone is suppressed, registered or not, and known before it is written', async (t) => {
  const { a, b } = await testEndpoints(t)
  const { endpoint } = await a.registry.create('acme', NEW, 'svc')
  for (const url of [A, `${A}/other`]) a.health.record('acme', url, 'gone')
  t.equal(a.health.isGone('acme', A), true)
  t.equal(a.health.isGone('other', A), false)
  await a.health.flush()
  t.equal(a.health.isGone('acme', A), false)
  t.same(a.stopped, [`acme ${A}`, `acme ${A}/other`])
  t.equal(a.log.count('webhook.endpoint_disabled'), 2)
  t.match(await a.registry.find('acme', endpoint.id), { disabledReason: 'gone', lastFailure: 'gone' })
  await b.caughtUp()
  t.match(await b.endpoints.find('acme', `${A}/other`), { registered: false, disabled: 'gone' })
  const { items } = await b.suppressions.list(
    'acme',
    { channel: 'webhook', address: null },
    { limit: 10, cursor: null },
  )
  t.match(items, [
    { address: A, reason: 'gone' },
    { address: `${A}/other`, reason: 'gone' },
  ])

  t.match(
    await a.registry.change('acme', endpoint.id, { url: null, description: undefined, enabled: true }),
    {
      disabledAt: null,
      disabledReason: null,
      consecutiveFailures: 0,
      failingSince: null,
    },
  )
  t.match(await a.endpoints.find('acme', A), { disabled: null })
})

t.test('what fails for long enough is disabled, and has its time again when it is enabled', async (t) => {
  const { a, pool } = await testEndpoints(t)
  const { endpoint } = await a.registry.create('acme', NEW, 'svc')
  const fail = async (times: number) => {
    for (let n = 0; n < times; n += 1) a.health.record('acme', A, 'timeout')
    await a.health.flush()
    return a.registry.find('acme', endpoint.id)
  }
  await fail(9)
  await pool.query(`UPDATE webhook_endpoints SET failing_since = now() - interval '59 s'`)
  t.match(await fail(1), { consecutiveFailures: 10, disabledAt: null }, 'not long enough')
  await pool.query(
    `UPDATE webhook_endpoints SET failing_since = now() - interval '60 s', consecutive_failures = 8`,
  )
  t.match(await fail(1), { consecutiveFailures: 9, disabledAt: null }, 'not often enough')
  t.match(await fail(1), { disabledReason: 'failing' })
  await a.suppressions.remove({ tenantId: 'acme', channel: 'webhook', address: A })
  t.match(await fail(20), { disabledAt: null, consecutiveFailures: 20 })
})

t.test('what cannot be written is kept for the next time', async (t) => {
  const { a } = await testEndpoints(t)
  const { endpoint } = await a.registry.create('acme', NEW, 'svc')
  const run = a.store.run.bind(a.store)
  a.store.run = async () => {
    a.health.record('acme', A, 'sent')
    a.health.record('acme', A, 'timeout')
    throw new Error('away')
  }
  a.health.record('acme', A, 'gone')
  await a.health.flush()
  t.equal(a.log.count('webhook.health_unwritten'), 2, 'at once, and when asked')
  t.equal(a.health.isGone('acme', A), true)
  a.store.run = run
  await a.health.flush()
  t.match(await a.registry.find('acme', endpoint.id), {
    disabledReason: 'gone',
    consecutiveFailures: 1,
    lastFailure: 'timeout',
    lastSuccessAt: Number,
  })
})

/** What waits for a lock in the test's database. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`

/** A transaction of its own, and a way to wait until others wait for it. */
async function transaction(t: Test, pool: Awaited<ReturnType<typeof testEndpoints>>['pool']) {
  const client = await pool.connect()
  t.teardown(() => client.release())
  await client.query('BEGIN')
  const waiting = (count: number) =>
    eventually(async () => (await pool.query(WAITING)).rowCount === count, `${count} that wait`)
  return { client, waiting }
}

t.test('instances that saw the same URLs, in whatever order, both write it', async (t) => {
  const { a, b, pool } = await testEndpoints(t)
  // For connections to come: each URL is looked up by itself, in the order in which they were seen.
  await pool.query(`DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET enable_hashjoin = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET enable_mergejoin = off', current_database());
  END $$`)
  await pool.query(`INSERT INTO webhook_endpoints (id, tenant_id, url, secrets, created_by)
    SELECT 'whe_' || n, CASE WHEN n < 20 THEN 'acme' ELSE 'other' END, '${A}/' || n, '[]', 'svc'
    FROM generate_series(0, 5000) AS n`)
  await pool.query('ANALYZE webhook_endpoints')
  /** Both have begun before either goes on: in their own orders the one would have the first, the other the last. */
  const bothSeen = async (hold: string, prefix: string, gone: boolean) => {
    const seen = Array.from({ length: 20 }, (_, n) => {
      const outcome = { succeeded: false, failures: 1, code: gone ? 'gone' : 'timeout', gone }
      return { tenant_id: 'acme', url: `${prefix}/${n}`, ...outcome }
    })
    const { client, waiting } = await transaction(t, pool)
    await client.query(hold)
    const written = Promise.all([
      a.store.run(SEEN, [JSON.stringify(seen), 60]),
      b.store.run(SEEN, [JSON.stringify(seen.toReversed()), 60]),
    ])
    await waiting(2)
    await client.query('ROLLBACK')
    return (await written).map(({ length }) => length).sort()
  }

  const held = `UPDATE webhook_endpoints SET description = 'held' WHERE id = 'whe_10'`
  t.same(await bothSeen(held, A, false), [0, 0])
  const { rows } = await pool.query(
    "SELECT DISTINCT consecutive_failures AS failures FROM webhook_endpoints WHERE tenant_id = 'acme'",
  )
  t.same(rows, [{ failures: 2 }])

  const other = 'https://not.registered.example'
  const put = `INSERT INTO suppressions VALUES ('acme', 'webhook', '${other}/10', 'manual')`
  t.same(await bothSeen(put, other, true), [0, 20])
})

t.test('enabling an endpoint while its failures are written', async (t) => {
  const { a, pool } = await testEndpoints(t)
  const { endpoint } = await a.registry.create('acme', NEW, 'svc')
  await a.suppressions.add({ tenantId: 'acme', channel: 'webhook', address: A }, 'gone', null)
  const { client, waiting } = await transaction(t, pool)
  await client.query('SELECT FROM webhook_endpoints FOR UPDATE')
  const enabled = a.suppressions.remove({ tenantId: 'acme', channel: 'webhook', address: A })
  await waiting(1)
  await client.query(
    `INSERT INTO suppressions (tenant_id, channel, address, reason) VALUES ('acme', 'webhook', $1, 'gone')
      ON CONFLICT DO NOTHING`,
    [A],
  )
  await client.query('COMMIT')
  t.equal(await enabled, true)
  t.match(await a.registry.find('acme', endpoint.id), { disabledAt: null })
})
