import t from 'tap'
import { nobody, testRecipients } from '../../support/recipients.js'

const { a } = await testRecipients(t)
const { directory } = a

const everything = {
  userId: 'ada',
  email: 'ada@example.com',
  phone: '+8613800138000',
  locale: 'zh-CN',
  timezone: 'Asia/Shanghai',
  quietHours: [{ start: 1320, end: 480 }],
  devices: [{ platform: 'apns', token: 'token' }],
} as const
const ada = { tenantId: 'acme', userId: 'ada' }

t.test('an entry is read as it was written, in its tenant only', async (t) => {
  t.match(await directory.put('acme', [everything]), [everything])
  const record = await directory.find(ada)
  t.match(record, everything)
  t.ok(Math.abs((record?.createdAt ?? 0) - Date.now()) < 60_000)
  t.equal(await directory.find({ ...ada, tenantId: 'globex' }), null)
  t.equal(await directory.find({ ...ada, userId: 'bob' }), null)
})

t.test('writing replaces all of it', async (t) => {
  const before = await directory.find(ada)
  await directory.put('acme', [{ ...nobody, userId: 'ada', email: 'new@example.com' }])
  const after = await directory.find(ada)
  t.match(after, {
    ...nobody,
    email: 'new@example.com',
    devices: { length: 0 },
    createdAt: before?.createdAt,
  })
  t.ok((after?.updatedAt ?? 0) > (before?.updatedAt ?? 0))
})

t.test('preferences change what is named, and what is taken back is as configured', async (t) => {
  await directory.put('acme', [everything])
  await directory.prefer(ada, { timezone: 'Europe/Berlin' })
  t.match(await directory.find(ada), { ...everything, timezone: 'Europe/Berlin' })
  await directory.prefer(ada, { locale: null, quietHours: [] })
  t.match(await directory.find(ada), {
    ...everything,
    timezone: 'Europe/Berlin',
    locale: null,
    quietHours: { length: 0 },
  })
  t.match(await directory.prefer(ada, { quietHours: null }), { quietHours: null, email: 'ada@example.com' })
  const fresh = await directory.prefer(
    { tenantId: 'acme', userId: 'fresh' },
    { quietHours: [{ start: 0, end: 60 }] },
  )
  t.match(fresh, { ...nobody, userId: 'fresh', quietHours: [{ start: 0, end: 60 }] })
})

t.test('a thousand are written at once, in order, and twice at the same time', async (t) => {
  const entries = Array.from({ length: 1_000 }, (_, n) => ({
    ...nobody,
    userId: `m${n}`,
    email: `m${n}@example.com`,
  }))
  const [forth, back] = await Promise.all([
    directory.put('acme', entries),
    directory.put('acme', [...entries].reverse()),
  ])
  t.same(
    forth.map(({ userId }) => userId),
    entries.map(({ userId }) => userId),
  )
  t.equal(back.length, 1_000)
  t.match(await directory.find({ tenantId: 'acme', userId: 'm999' }), { email: 'm999@example.com' })
})
