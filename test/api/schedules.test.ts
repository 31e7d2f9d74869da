import t from 'tap'
import { testSchedules } from '../support/schedules.js'
import { type Client, NOW, serve, token } from './support.js'

const PATH = '/api/v1/schedules'
const { schedules, pool } = await testSchedules(t)

const MESSAGE = { user_id: 'ada', channel: 'in_app', title: 'Hello', content: 'Again' }
const { user_id: _, ...REST } = MESSAGE
const BODY = { tenant_id: 't1', name: 'Report', cron: '0 9 * * 1-5', message: MESSAGE }

const idOf = (body: unknown): string => String(Object(body).id)

async function created(client: Client, changes: object = {}): Promise<string> {
  const { status, body } = await client.call('POST', PATH, { body: { ...BODY, ...changes } })
  if (status !== 200) throw new Error(`answered with ${status}: ${JSON.stringify(body)}`)
  return idOf(body)
}

t.test('a schedule is created, read and listed with its next runs', async (t) => {
  const client = await serve(t, { schedules })
  const answer = await client.call('POST', PATH, { body: BODY })
  // NOW is a Monday, 20:00 in Shanghai, which is the configured zone.
  t.match(answer, {
    status: 200,
    body: {
      id: /^sched_/,
      tenant_id: 't1',
      name: 'Report',
      cron: '0 9 * * 1-5',
      every: null,
      timezone: 'Asia/Shanghai',
      starts_at: new Date(NOW).toISOString(),
      ends_at: null,
      missed: 'run_once',
      state: 'active',
      created_by: 'svc',
      next_run_at: '2027-03-02T01:00:00.000Z',
      next_runs: [
        '2027-03-02T01:00:00.000Z',
        '2027-03-03T01:00:00.000Z',
        '2027-03-04T01:00:00.000Z',
        '2027-03-05T01:00:00.000Z',
        '2027-03-08T01:00:00.000Z',
      ],
      message: MESSAGE,
    },
  })
  const id = idOf(answer.body)
  t.same((await client.call('GET', `${PATH}/${id}`)).body, answer.body)
  const { next_runs, message, ...summary } = Object(answer.body)
  t.same((await client.call('GET', PATH)).body, { schedules: [summary], next_cursor: null })
  t.same((await client.call('DELETE', `${PATH}/${id}`)).status, 204)
  t.match(await client.call('GET', `${PATH}/${id}`), { status: 404, body: { code: 'not_found' } })
})

t.test('an interval counts from its start, and the last runs are as many as there are', async (t) => {
  const client = await serve(t, { schedules })
  const interval = {
    cron: undefined,
    every: '1d',
    timezone: 'America/New_York',
    starts_at: '2027-03-12T02:30:00-05:00',
    ends_at: '2027-03-15T06:30:00Z',
    missed: 'skip',
    message: { ...REST, recipients: [{ user_id: 'ada' }], expires_after: '30m' },
  }
  t.match(await client.call('POST', PATH, { body: { ...BODY, ...interval } }), {
    status: 200,
    body: {
      every: '1d',
      cron: null,
      missed: 'skip',
      // The clocks go forward in the second night.
      next_runs: [
        '2027-03-12T07:30:00.000Z',
        '2027-03-13T07:30:00.000Z',
        '2027-03-14T07:00:00.000Z',
        '2027-03-15T06:30:00.000Z',
      ],
      message: interval.message,
    },
  })
})

t.test('a schedule is replaced, paused and goes on', async (t) => {
  const client = await serve(t, { schedules })
  const id = await created(client)
  const body = {
    ...BODY,
    name: 'Other',
    cron: undefined,
    every: '2h',
    message: { ...REST, user_ids: ['bob'] },
  }
  t.match(await client.call('PUT', `${PATH}/${id}`, { body }), {
    status: 200,
    body: {
      id,
      name: 'Other',
      cron: null,
      every: '2h',
      message: body.message,
      next_run_at: '2027-03-01T14:00:00.000Z',
    },
  })
  const paused = { status: 200, body: { state: 'paused', next_run_at: null, next_runs: [] } }
  t.match(await client.call('POST', `${PATH}/${id}/pause`), paused)
  t.match(await client.call('PUT', `${PATH}/${id}`, { body }), paused)
  t.match(await client.call('POST', `${PATH}/${id}/resume`), {
    status: 200,
    body: { state: 'active', next_run_at: '2027-03-01T14:00:00.000Z' },
  })
  await pool.query('UPDATE schedules SET next_run_at = NULL WHERE id = $1', [id])
  t.match(await client.call('GET', `${PATH}/${id}`), { body: { state: 'ended', next_run_at: null } })
})

t.test('runs are listed, and one is asked for', async (t) => {
  const client = await serve(t, { schedules })
  const id = await created(client)
  t.match(await client.call('GET', `${PATH}/${id}/runs`), {
    status: 200,
    body: { runs: [], next_cursor: null },
  })
  const run = {
    status: 'firing',
    attempts: 0,
    fired_at: null,
    notification_id: null,
    job_id: null,
    error: null,
  }
  t.match(await client.call('POST', `${PATH}/${id}/run`), { status: 200, body: { ...run, planned_at: /Z$/ } })
  t.match(await client.call('POST', `${PATH}/${id}/run`), { status: 409, body: { code: 'conflict' } })
  await pool.query(
    `INSERT INTO schedule_runs (schedule_id, planned_at, status, fired_at, job_id, accepted, refused, error)
      VALUES ($1, '2020-01-01', 'done', '2020-01-01', 'job_1', 2, 1, '1 overloaded')`,
    [id],
  )
  const first = await client.call('GET', `${PATH}/${id}/runs?limit=1`)
  t.match(first, { body: { runs: [run] } })
  t.match(await client.call('GET', `${PATH}/${id}/runs?limit=1&cursor=${Object(first.body).next_cursor}`), {
    body: {
      runs: [
        {
          planned_at: '2020-01-01T00:00:00.000Z',
          status: 'done',
          fired_at: '2020-01-01T00:00:00.000Z',
          job_id: 'job_1',
          accepted: 2,
          refused: 1,
          error: '1 overloaded',
        },
      ],
      next_cursor: null,
    },
  })
})

t.test('only senders and admins of the tenant see it', async (t) => {
  const client = await serve(t, { schedules })
  const id = await created(client)
  const calls: [string, string, object?][] = [
    ['GET', `${PATH}/${id}`],
    ['PUT', `${PATH}/${id}`, { ...BODY, tenant_id: 't2' }],
    ['DELETE', `${PATH}/${id}`],
    ['POST', `${PATH}/${id}/pause`],
    ['POST', `${PATH}/${id}/resume`],
    ['POST', `${PATH}/${id}/run`],
    ['GET', `${PATH}/${id}/runs`],
  ]
  const stranger = await token('svc', 't2', ['sender'])
  const user = await token('ada', 't1', ['user'])
  for (const [method, path, body] of calls) {
    const init = body === undefined ? {} : { body }
    t.match(
      await client.call(method, path, { ...init, token: stranger }),
      { status: 404 },
      `${method} ${path}`,
    )
    t.match(await client.call(method, path, { ...init, token: user }), { status: 403 }, `${method} ${path}`)
    const none = path.replace(id, 'a.b')
    t.match(await client.call(method, none, body ? { body: BODY } : {}), { status: 404 }, `${method} ${none}`)
  }
  t.match(await client.call('POST', PATH, { body: BODY, token: stranger }), {
    status: 403,
    body: { errors: [{ field: '/tenant_id' }] },
  })
  t.match(await client.call('GET', PATH, { token: stranger }), { body: { schedules: [] } })
  const admin = await token('root', 't1', ['admin'])
  t.match(await client.call('GET', `${PATH}/${id}`, { token: admin }), {
    status: 200,
    body: { state: 'active' },
  })
})

t.test('what is wrong is named', async (t) => {
  const client = await serve(t, { schedules })
  const before = (await pool.query('SELECT 1 FROM schedules')).rowCount
  const cases: [object, string][] = [
    [{ name: undefined }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 'x'.repeat(101) }, '/name'],
    [{ name: 'two\nlines' }, '/name'],
    [{ colour: 'red' }, '/colour'],
    [{ cron: undefined }, '/cron'],
    [{ every: '1h' }, '/cron'],
    [{ cron: 'every monday' }, '/cron'],
    [{ cron: '0 9 * *' }, '/cron'],
    [{ cron: '0 0 9 * * 1' }, '/cron'],
    [{ cron: '61 9 * * *' }, '/cron'],
    [{ cron: '0 9 30 2 *' }, '/cron'],
    [{ cron: 7 }, '/cron'],
    [{ cron: undefined, every: '1s' }, '/every'],
    [{ cron: undefined, every: '0m' }, '/every'],
    [{ cron: undefined, every: '1.5h' }, '/every'],
    [{ cron: undefined, every: '9999w' }, '/every'],
    [{ timezone: 'Mars/Olympus' }, '/timezone'],
    [{ timezone: '' }, '/timezone'],
    [{ starts_at: '2027-03-01' }, '/starts_at'],
    [{ starts_at: '2027-02-29T00:00:00Z' }, '/starts_at'],
    [{ starts_at: '2047-03-01T00:00:00Z' }, '/starts_at'],
    [{ ends_at: 'never' }, '/ends_at'],
    [{ ends_at: '2026-03-01T00:00:00Z' }, '/ends_at'],
    [{ starts_at: '2027-04-02T00:00:00Z', ends_at: '2027-04-01T00:00:00Z' }, '/ends_at'],
    [{ ends_at: '2027-03-01T12:00:01Z' }, '/ends_at'],
    [{ missed: 'twice' }, '/missed'],
    [{ message: undefined }, '/message'],
    [{ message: 'hello' }, '/message'],
    [{ message: REST }, '/message/user_id'],
    [{ message: { ...MESSAGE, user_ids: ['bob'] } }, '/message/user_id'],
    [{ message: { ...REST, user_ids: ['bob'], recipients: [{ user_id: 'bob' }] } }, '/message/user_id'],
    [{ message: { ...REST, user_ids: [] } }, '/message/user_ids'],
    [
      { message: { ...REST, user_ids: Array.from({ length: 1_001 }, (_, n) => `u${n}`) } },
      '/message/user_ids',
    ],
    [
      { message: { ...REST, recipients: [{ user_id: 'bob' }, { user_id: 'bob' }] } },
      '/message/recipients/1/user_id',
    ],
    [{ message: { ...MESSAGE, channel: 'pigeon' } }, '/message/channel'],
    [{ message: { ...MESSAGE, title: undefined } }, '/message/title'],
    [{ message: { ...MESSAGE, locale: '12' } }, '/message/locale'],
    [{ message: { ...MESSAGE, metadata: { x: 'x'.repeat(17_000) } } }, '/message/metadata'],
    [{ message: { ...MESSAGE, tenant_id: 't1' } }, '/message/tenant_id'],
    [{ message: { ...MESSAGE, scheduled_at: '2027-04-01T00:00:00Z' } }, '/message/scheduled_at'],
    [{ message: { ...MESSAGE, expires_at: '2027-04-01T00:00:00Z' } }, '/message/expires_at'],
    [{ message: { ...MESSAGE, expires_after: '30s' } }, '/message/expires_after'],
    [{ message: { ...MESSAGE, expires_after: '999d' } }, '/message/expires_after'],
  ]
  const id = await created(client)
  for (const [change, field] of cases) {
    const body = { ...BODY, ...change }
    const wrong = { status: 400, body: { code: 'validation_failed', errors: [{ field }] } }
    t.match(await client.call('POST', PATH, { body }), wrong, JSON.stringify(change).slice(0, 99))
    t.match(await client.call('PUT', `${PATH}/${id}`, { body }), wrong, `PUT ${field}`)
  }
  t.equal((await pool.query('SELECT 1 FROM schedules')).rowCount, (before ?? 0) + 1)
  t.match(await client.call('GET', `${PATH}?limit=0`), {
    status: 400,
    body: { errors: [{ field: '/limit' }] },
  })
  t.match(await client.call('GET', `${PATH}?cursor=x`), {
    status: 400,
    body: { errors: [{ field: '/cursor' }] },
  })
  t.match(await client.call('GET', `${PATH}/${id}/runs?cursor=x`), {
    status: 400,
    body: { errors: [{ field: '/cursor' }] },
  })
})

t.test('an address that can be known to be wrong is refused now, and not at night', async (t) => {
  const client = await serve(t, { schedules })
  const mail = { ...REST, channel: 'email' }
  const cases: [object, string[]][] = [
    [{ ...MESSAGE, channel: 'email', metadata: { email: 7 } }, ['/message/metadata/email']],
    [{ ...mail, user_ids: ['a', 'b'], metadata: { email: 7 } }, ['/message/metadata/email']],
    [
      {
        ...mail,
        recipients: [
          { user_id: 'a', metadata: { email: 7 } },
          { user_id: 'b', metadata: { email: 'b@example.com' } },
          { user_id: 'c', metadata: { email: null } },
        ],
      },
      ['/message/recipients/0/metadata/email', '/message/recipients/2/metadata/email'],
    ],
  ]
  for (const [message, fields] of cases) {
    const { status, body } = await client.call('POST', PATH, { body: { ...BODY, message } })
    t.equal(status, 400)
    t.equal(Object(body).code, 'invalid_address')
    t.same(
      Object(body).errors.map(({ field }: { field: string }) => field),
      fields,
    )
  }
})

t.test('a tenant that has a thousand is told so', async (t) => {
  const client = await serve(t, { schedules })
  const id = await created(client)
  await pool.query(
    `INSERT INTO schedules (tenant_id, id, name, every, timezone, starts_at, missed, message, created_by)
      SELECT tenant_id, 'copy_' || n, name, '1h', timezone, starts_at, missed, message, created_by
      FROM schedules, generate_series(1, 1000) AS n WHERE id = $1`,
    [id],
  )
  t.match(await client.call('POST', PATH, { body: BODY }), { status: 409, body: { code: 'conflict' } })
})
