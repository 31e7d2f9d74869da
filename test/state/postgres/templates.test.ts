import type pg from 'pg'
import t, { type Test } from 'tap'
import type { NewTemplate, TemplateTexts } from '../../../src/api/ports.js'
import { Failure } from '../../../src/model/failure.js'
import { templateId } from '../../../src/model/id.js'
import { type Changes, listenForChanges } from '../../../src/state/postgres/changes.js'
import { PostgresLedger } from '../../../src/state/postgres/ledger.js'
import { migrate } from '../../../src/state/postgres/migrate.js'
import { type Statement, Store } from '../../../src/state/postgres/store.js'
import { PostgresTemplates } from '../../../src/state/postgres/templates.js'
import { PostgresTemplateLibrary } from '../../../src/state/postgres/templates-library.js'
import { entry } from '../../support/notification.js'
import { silentLog, type TestDatabase, testDatabase } from '../../support/postgres.js'
import { Watch } from '../../support/waiting.js'

async function database(t: Test): Promise<TestDatabase> {
  const database = await testDatabase(t)
  await migrate(database.connection, silentLog())
  return database
}

/** A store that counts its round trips. */
class CountingStore extends Store {
  trips = 0

  override run<Row extends pg.QueryResultRow>(statement: Statement, values?: readonly unknown[]) {
    this.trips += 1
    return super.run<Row>(statement, values)
  }
}

/** One instance of the service, as far as templates go. */
function instance({ pool }: TestDatabase, changes: Changes, { autoApprove = false } = {}) {
  const store = new CountingStore(pool)
  const templates = new PostgresTemplates(store, changes)
  const newId = () => templateId(Date.now())
  const library = new PostgresTemplateLibrary(store, templates, { newId, autoApprove })
  const told = new Watch()
  let count = 0
  let gaps = 0
  changes.on('notification_templates', () => {
    count += 1
    told.changed()
  })
  changes.onGap(() => {
    gaps += 1
    told.changed()
  })
  return {
    store,
    library,
    /** The version that is sent. */
    sent: async (id: string, tenantId = 't1') =>
      (await templates.find([{ tenantId, id }]))[0]?.version ?? null,
    templates,
    gaps: () => gaps,
    told,
    /** Does what changes a template in another instance, and waits until this one has heard of it. */
    hears: async (work: () => Promise<unknown>) => {
      const before = count
      await work()
      await told.until(() => count > before, 'word of the change')
    },
  }
}

async function listening(t: Test, on: TestDatabase, options = {}) {
  const changes = await listenForChanges(on.connection, silentLog())
  t.teardown(() => changes.close())
  return instance(on, changes, options)
}

/** Hears of nothing, and believes it would. */
const deaf: Changes = {
  listening: true,
  on: () => undefined,
  onGap: () => undefined,
  close: async () => undefined,
}

const texts = (title = 'Hello {{ name }}', more: Partial<TemplateTexts> = {}): TemplateTexts => ({
  defaultLocale: 'zh',
  variables: [{ name: 'name' }],
  variants: [{ name: 'default', weight: 1, texts: { zh: { title, content: 'Content' } } }],
  ...more,
})

const template = (id: string | null, more: Partial<NewTemplate> = {}): NewTemplate => ({
  id,
  name: 'Welcome',
  channel: 'email',
  texts: texts(),
  ...more,
})

const key = (id: string, version: number, tenantId = 't1') => ({ tenantId, id, version })
const conflict = { name: 'Failure', code: 'conflict' }

t.test('what is saved comes back as it was, and is sent once it is approved', async (t) => {
  const { library, templates, sent } = instance(await database(t), deaf)
  const rich: TemplateTexts = {
    defaultLocale: 'zh-Hant',
    variables: [
      { name: '用户' },
      { name: 'b', default: { list: [1, null, 'x'] } },
      { name: 'a', default: null },
    ],
    variants: [
      { name: 'z', weight: 3, texts: { 'zh-Hant': { title: 'It\'s \\ "1"', content: '{{ 用户 }}\n😀' } } },
      {
        name: 'a',
        weight: 1,
        texts: { 'zh-Hant': { title: '1', content: '2' }, en: { title: '3', content: '4' } },
      },
    ],
    vendor: { params: ['用户', 'a'], codes: { aliyun: 'SMS_1', tencent: '2' } },
  }
  const made = await library.create('t1', template(null, { texts: rich }), 'writer')
  t.match(made.id, /^tmpl_[0-9a-f]{8}-[0-9a-f]{4}-7/)
  t.match(made, {
    name: 'Welcome',
    channel: 'email',
    activeVersion: null,
    latestVersion: 1,
    latestStatus: 'pending_review',
    latest: { ...rich, version: 1, status: 'pending_review', active: false, createdBy: 'writer' },
  })
  t.ok(Math.abs(made.createdAt - Date.now()) < 60_000)
  t.same(await library.find('t1', made.id), made)
  t.equal(await sent(made.id), null)

  const approved = await library.approve(key(made.id, 1), 'boss')
  t.match(approved, { version: 1, status: 'approved', active: true, reviewedBy: 'boss', reviewNote: null })
  t.equal(typeof approved?.reviewedAt, 'number')
  t.same(await templates.find([{ tenantId: 't1', id: made.id }]), [
    { id: made.id, version: 1, channel: 'email', ...rich },
  ])
})

t.test('an id is given once in a tenant, and again in another', async (t) => {
  const { library } = instance(await database(t), deaf)
  const results = await Promise.allSettled(
    [1, 2, 3, 4, 5].map((n) => library.create('t1', template('tmpl_1', { name: `${n}` }), 'writer')),
  )
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  await t.rejects(library.create('t1', template('tmpl_1'), 'writer'), {
    ...conflict,
    errors: [{ field: '/id' }],
  })
  await library.create('t2', template('tmpl_1', { name: 'Of t2' }), 'writer')
  t.match(await library.find('t2', 'tmpl_1'), { name: 'Of t2' })
})

t.test('the templates of another tenant are not there', async (t) => {
  const { library, sent } = instance(await database(t), deaf, { autoApprove: true })
  await library.create('t1', template('tmpl_1'), 'writer')
  const other = key('tmpl_1', 1, 't2')
  t.equal(await library.find('t2', 'tmpl_1'), null)
  t.equal(await library.findVersion(other), null)
  t.equal(await library.versions('t2', 'tmpl_1', { limit: 10, cursor: null }), null)
  t.equal(await library.update('t2', 'tmpl_1', { name: 'x', texts: texts() }, 'writer'), null)
  t.equal(await library.approve(other, 'boss'), null)
  t.equal(await library.reject(other, 'boss', 'no'), null)
  t.equal(await library.activate(other), null)
  t.equal(await library.stats('t2', 'tmpl_1', 0), null)
  t.equal(await library.remove('t2', 'tmpl_1'), false)
  t.same(await library.list('t2', null, { limit: 10, cursor: null }), { items: [], nextCursor: null })
  t.equal(await sent('tmpl_1', 't2'), null)
  t.equal(await sent('tmpl_1'), 1)
})

t.test('updates at once become a version each', async (t) => {
  const on = await database(t)
  const instances = [instance(on, deaf), instance(on, deaf)] as const
  await instances[0].library.create('t1', template('tmpl_1'), 'writer')
  const updated = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? instances[0] : instances[1]).library.update(
        't1',
        'tmpl_1',
        { name: n === 3 ? 'Renamed' : null, texts: texts(`title ${n}`) },
        `writer${n}`,
      ),
    ),
  )
  const versions = updated.map((record) => record?.latest.version ?? 0)
  t.same(
    versions.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n + 2),
  )
  for (const [n, version] of versions.entries()) {
    t.match(await instances[0].library.findVersion(key('tmpl_1', version)), {
      variants: [{ texts: { zh: { title: `title ${n}` } } }],
      createdBy: `writer${n}`,
    })
  }
  t.match(await instances[1].library.find('t1', 'tmpl_1'), {
    name: 'Renamed',
    latestVersion: 21,
    activeVersion: null,
    latest: { version: 21 },
  })
})

t.test('of reviews at once, one counts', async (t) => {
  const { library } = instance(await database(t), deaf)
  await library.create('t1', template('tmpl_1'), 'writer')
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) =>
      n % 2
        ? library.approve(key('tmpl_1', 1), `boss${n}`)
        : library.reject(key('tmpl_1', 1), `boss${n}`, 'no'),
    ),
  )
  const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  t.equal(done.length, 1)
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, conflict)
  t.match(await library.findVersion(key('tmpl_1', 1)), { ...done[0] })
})

t.test('whatever is done at once, nothing waits for each other for ever', async (t) => {
  const { library } = instance(await database(t), deaf)
  for (let round = 0; round < 15; round += 1) {
    const id = `tmpl_${round}`
    await library.create('t1', template(id), 'writer')
    const results = await Promise.allSettled([
      library.approve(key(id, 1), 'boss'),
      library.reject(key(id, 1), 'boss', 'no'),
      library.update('t1', id, { name: null, texts: texts() }, 'writer'),
      library.activate(key(id, 1)),
      library.remove('t1', id),
      library.approve(key(id, 2), 'boss'),
    ])
    for (const result of results) if (result.status === 'rejected') t.match(result.reason, conflict)
    t.equal(await library.find('t1', id), null)
  }
})

t.test('a version is reviewed once, and only what was approved becomes active', async (t) => {
  const { library, sent } = instance(await database(t), deaf)
  await library.create('t1', template('tmpl_1'), 'writer')
  await t.rejects(library.activate(key('tmpl_1', 1)), { ...conflict, message: /version 1 is pending_review/ })
  await library.approve(key('tmpl_1', 1), 'boss')
  await t.rejects(library.approve(key('tmpl_1', 1), 'boss'), {
    ...conflict,
    message: /version 1 is approved/,
  })
  await t.rejects(library.reject(key('tmpl_1', 1), 'boss', 'no'), conflict)

  await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  t.equal(await sent('tmpl_1'), 1, 'what is sent stays until the new one is approved')
  t.match(await library.reject(key('tmpl_1', 2), 'boss', 'The link is wrong'), {
    status: 'rejected',
    active: false,
    reviewedBy: 'boss',
    reviewedAt: Number,
    reviewNote: 'The link is wrong',
  })
  t.equal(await sent('tmpl_1'), 1)
  await t.rejects(library.activate(key('tmpl_1', 2)), { ...conflict, message: /version 2 is rejected/ })
  await t.rejects(library.approve(key('tmpl_1', 2), 'boss'), conflict)

  await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  await library.approve(key('tmpl_1', 3), 'boss')
  t.equal(await sent('tmpl_1'), 3)
  t.match(await library.activate(key('tmpl_1', 1)), { version: 1, active: true })
  t.equal(await sent('tmpl_1'), 1)
  t.match(await library.activate(key('tmpl_1', 1)), { version: 1, active: true })
  t.match(await library.findVersion(key('tmpl_1', 3)), { active: false, status: 'approved' })
  t.equal(await library.approve(key('tmpl_1', 9), 'boss'), null)
  t.equal(await library.activate(key('none', 1)), null)
})

t.test('where nobody approves, a version is sent at once', async (t) => {
  const { library, sent } = instance(await database(t), deaf, { autoApprove: true })
  t.match(await library.create('t1', template('tmpl_1'), 'writer'), {
    activeVersion: 1,
    latest: { status: 'approved', active: true, reviewedBy: null, reviewedAt: Number },
  })
  t.equal(await sent('tmpl_1'), 1)
  t.match(await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer'), {
    activeVersion: 2,
  })
  t.equal(await sent('tmpl_1'), 2)
})

t.test('a template that is removed is gone with its versions', async (t) => {
  const { library, sent, store } = instance(await database(t), deaf, { autoApprove: true })
  await library.create('t1', template('tmpl_1'), 'writer')
  t.equal(await sent('tmpl_1'), 1)
  t.equal(await library.remove('t1', 'tmpl_1'), true)
  t.equal(await sent('tmpl_1'), null)
  t.equal(await library.remove('t1', 'tmpl_1'), false)
  t.equal(await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer'), null)
  const left = { name: 'test_left', text: 'SELECT count(*) AS n FROM template_versions' }
  t.same(await store.run(left), [{ n: 0 }])
})

t.test('a template has no more than 1000 versions', async (t) => {
  const on = await database(t)
  const { library } = instance(on, deaf)
  await library.create('t1', template('tmpl_1'), 'writer')
  await on.pool.query('UPDATE template_versions SET version = 999')
  await on.pool.query('UPDATE templates SET latest_version = 999')
  const update = () => library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  t.match(await update(), { latestVersion: 1000 })
  await t.rejects(update(), { ...conflict, message: /1000 versions/ })
  t.match(await library.versions('t1', 'tmpl_1', { limit: 10, cursor: null }), {
    items: [{ version: 1000 }, { version: 999 }],
  })
})

t.test('lists come in pages', async (t) => {
  const { library } = instance(await database(t), deaf)
  for (const id of ['c', 'a', 'e', 'b', 'd'])
    await library.create('t1', template(id, { channel: id === 'd' ? 'webhook' : 'email' }), 'writer')
  await library.create('t2', template('b2'), 'writer')
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof library.list>> = await library.list('t1', null, {
      limit: 2,
      cursor,
    })
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  t.same(ids, ['a', 'b', 'c', 'd', 'e'])
  const webhooks = await library.list('t1', 'webhook', { limit: 2, cursor: null })
  t.match(webhooks, { items: [{ id: 'd', latestStatus: 'pending_review' }], nextCursor: null })
  t.same((await library.list('t1', 'email', { limit: 4, cursor: null })).nextCursor, null)

  for (let n = 2; n <= 5; n += 1) await library.update('t1', 'a', { name: null, texts: texts() }, 'writer')
  const first = await library.versions('t1', 'a', { limit: 3, cursor: null })
  t.match(first, { items: [{ version: 5 }, { version: 4 }, { version: 3 }], nextCursor: String })
  t.notOk(
    first?.items.some((item) => 'variants' in item),
    'without texts',
  )
  const rest = await library.versions('t1', 'a', { limit: 3, cursor: first?.nextCursor ?? null })
  t.match(rest, { items: [{ version: 2 }, { version: 1 }], nextCursor: null })
  const invalid = { code: 'validation_failed', errors: [{ field: '/cursor' }] }
  await t.rejects(library.list('t1', null, { limit: 3, cursor: 'nonsense' }), invalid)
  for (const version of ['0', 'x', '99999', '1.5']) {
    const other = Buffer.from(JSON.stringify([version])).toString('base64url')
    await t.rejects(library.versions('t1', 'a', { limit: 3, cursor: other }), invalid)
  }
})

t.test('a batch is one round trip, and nothing is asked for twice', async (t) => {
  const { library, templates, store } = instance(await database(t), deaf, { autoApprove: true })
  for (const id of ['a', 'b', 'c']) await library.create('t1', template(id), 'writer')
  await library.create('t2', template('a', { channel: 'webhook' }), 'writer')
  const ask = async (...ids: string[]) =>
    (
      await templates.find(ids.map((id) => ({ tenantId: id === 'A' ? 't2' : 't1', id: id.toLowerCase() })))
    ).map((found) => found && `${found.channel} ${found.id}`)
  store.trips = 0
  t.same(await ask('b', 'none', 'A', 'b', 'a'), ['email b', null, 'webhook a', 'email b', 'email a'])
  t.equal(store.trips, 1)
  t.same(await ask('a', 'none', 'A', 'b'), ['email a', null, 'webhook a', 'email b'])
  t.equal(store.trips, 1)
  t.same(await ask('c', 'a'), ['email c', 'email a'])
  t.equal(store.trips, 2)
  t.same(await ask(), [])
})

t.test('what another instance changes is heard of at once', async (t) => {
  const on = await database(t)
  const one = await listening(t, on)
  const two = await listening(t, on)
  const hermit = instance(on, deaf)
  const everybody = async () => [
    await one.sent('tmpl_1'),
    await two.sent('tmpl_1'),
    await hermit.sent('tmpl_1'),
  ]
  t.same(await everybody(), [null, null, null])

  await two.hears(() => one.library.create('t1', template('tmpl_1'), 'writer'))
  await two.hears(() => one.library.approve(key('tmpl_1', 1), 'boss'))
  t.same(await everybody(), [1, 1, null], 'without word of it, it would be old for five minutes')

  await one.hears(() => two.library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer'))
  await one.hears(() => two.library.approve(key('tmpl_1', 2), 'boss'))
  t.same(await everybody(), [2, 2, null])
  await two.hears(() => one.library.activate(key('tmpl_1', 1)))
  t.same(await everybody(), [1, 1, null])
  await two.hears(() => one.library.remove('t1', 'tmpl_1'))
  t.same(await everybody(), [null, null, null])
})

t.test('whoever changes a template need not hear of it', async (t) => {
  const { library, sent } = instance(await database(t), deaf)
  await library.create('t1', template('tmpl_1'), 'writer')
  await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  t.equal(await sent('tmpl_1'), null)
  await library.approve(key('tmpl_1', 1), 'boss')
  t.equal(await sent('tmpl_1'), 1)
  await library.approve(key('tmpl_1', 2), 'boss')
  t.equal(await sent('tmpl_1'), 2)
  await library.activate(key('tmpl_1', 1))
  t.equal(await sent('tmpl_1'), 1)
  await library.remove('t1', 'tmpl_1')
  t.equal(await sent('tmpl_1'), null)
})

t.test('an instance that hears nothing reads everything anew', async (t) => {
  const on = await database(t)
  const one = instance(on, deaf, { autoApprove: true })
  const two = await listening(t, on)
  await one.library.create('t1', template('tmpl_1'), 'writer')
  for (let round = 1; round <= 5; round += 1) {
    t.equal(await two.sent('tmpl_1'), round)
    const gaps = two.gaps()
    await on.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'notification-service listener' AND datname = current_database()`)
    await one.library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
    await two.told.until(() => two.gaps() > gaps, 'the loss')
    t.equal(await two.sent('tmpl_1'), round + 1, 'once it knows that it hears nothing')
    await two.told.until(() => two.gaps() === gaps + 2, 'the return')
    t.equal(await two.sent('tmpl_1'), round + 1, 'once it hears again')
    const { trips } = two.store
    t.equal(await two.sent('tmpl_1'), round + 1)
    t.equal(two.store.trips, trips, 'and remembers again')
  }
})

t.test('while changes may be missed, nothing is remembered', async (t) => {
  const on = await database(t)
  const one = instance(on, deaf, { autoApprove: true })
  const two = instance(on, { ...deaf, listening: false })
  await one.library.create('t1', template('tmpl_1'), 'writer')
  t.equal(await two.sent('tmpl_1'), 1)
  await one.library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  t.equal(await two.sent('tmpl_1'), 2)
  await one.library.remove('t1', 'tmpl_1')
  t.equal(await two.sent('tmpl_1'), null)
})

t.test('stats count each variant by what became of it', async (t) => {
  const on = await database(t)
  const { library, store } = instance(on, deaf, { autoApprove: true })
  const ledger = new PostgresLedger(store, { keyTtlMs: 1_000 })
  await library.create('t1', template('tmpl_1', { channel: 'in_app' }), 'writer')
  t.same(await library.stats('t1', 'tmpl_1', 0), [])

  const use = (version: number, variant: string) => ({ version, variant, locale: 'zh' })
  const made = (templateUse: ReturnType<typeof use>, more = {}) => ({
    tenantId: 't1',
    channel: 'in_app' as const,
    templateId: 'tmpl_1',
    templateUse,
    ...more,
  })
  const sent = { status: 'sent' } as const
  const entries = [
    entry(made(use(1, 'a')), sent),
    entry(made(use(1, 'a')), sent),
    entry(made(use(1, 'b')), sent),
    entry(made(use(1, 'b')), { status: 'suppressed', reason: 'blocked' }),
    entry(made(use(2, 'a')), sent),
    entry(made(use(2, 'a'), { channel: 'email' }), sent),
    entry(made(use(2, 'a'), { tenantId: 't2' }), sent),
    entry(made(use(2, 'a'), { templateId: 'tmpl_2' }), sent),
    entry({ tenantId: 't1', channel: 'in_app', createdAt: Date.now() }, sent),
  ]
  await ledger.insert(entries)
  const read = [entries[0], entries[4], entries[5]].map((one) => one?.notification.id)
  await on.pool.query('UPDATE notifications SET read_at = now() WHERE id = ANY($1)', [read])
  const stats = await library.stats('t1', 'tmpl_1', 0)
  t.same(stats, [
    { version: 2, variant: 'a', statuses: { sent: 2 }, read: 1 },
    { version: 1, variant: 'a', statuses: { sent: 2 }, read: 1 },
    { version: 1, variant: 'b', statuses: { sent: 1, suppressed: 1 }, read: 0 },
  ])
  t.same(await library.stats('t1', 'tmpl_1', Date.now() + 60_000), [], 'nothing that late')
  await library.remove('t1', 'tmpl_1')
  t.equal(await library.stats('t1', 'tmpl_1', 0), null)
  await on.pool.query(`UPDATE notifications SET created_at = created_at - interval '1 minute'`)
  await library.create('t1', template('tmpl_1'), 'writer')
  t.same(await library.stats('t1', 'tmpl_1', 0), [], 'what was sent before is of another template')
})

t.test('a change that may have been made is not forgotten with its error', async (t) => {
  const on = await database(t)
  class Interrupted extends Store {
    override async run<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []) {
      const rows = await super.run<Row>(statement, values)
      if (statement.name !== 'templates_activate') return rows
      throw new Failure('store_unavailable', 'the connection was lost after the commit')
    }
  }
  const store = new Interrupted(on.pool)
  const templates = new PostgresTemplates(store, deaf)
  const options = { newId: () => 'tmpl_1', autoApprove: true }
  const library = new PostgresTemplateLibrary(store, templates, options)
  await library.create('t1', template(null), 'writer')
  await library.update('t1', 'tmpl_1', { name: null, texts: texts() }, 'writer')
  const sent = async () => (await templates.find([{ tenantId: 't1', id: 'tmpl_1' }]))[0]?.version
  t.equal(await sent(), 2)
  await t.rejects(library.activate(key('tmpl_1', 1)), { code: 'store_unavailable' })
  t.equal(await sent(), 1)
})
