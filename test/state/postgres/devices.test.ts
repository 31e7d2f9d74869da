import t from 'tap'
import type { Device } from '../../../src/model/device.js'
import { PostgresDevices } from '../../../src/state/postgres/devices.js'
import { nobody, testRecipients } from '../../support/recipients.js'

const { a, b, pool, store } = await testRecipients(t)
const devices = new PostgresDevices(store, a.known)
const ada = { tenantId: 'acme', userId: 'ada' }
const one: Device = { platform: 'apns', token: 'one' }
const two: Device = { platform: 'fcm', token: 'two' }
const three: Device = { platform: 'fcm', token: 'three' }

const put = (...list: readonly Device[]) =>
  a.directory.put('acme', [{ ...nobody, userId: 'ada', devices: list }])
const listed = async () => (await a.directory.find(ada))?.devices
/** Sets back when everything was written. */
const age = (ms: number) =>
  pool.query(
    `UPDATE recipients SET updated_at = updated_at - $1 * interval '1 ms', devices_since =
      (SELECT jsonb_agg(since::text::float8 - $1 ORDER BY n) FROM jsonb_array_elements(devices_since) WITH ORDINALITY AS s(since, n))`,
    [ms],
  )
const gone = (device: Device, goneAt: number | null = null) => ({ ...device, goneAt })

t.test('what is gone leaves, and nothing else changes', async (t) => {
  await put(one, two, three)
  await age(10_000)
  const before = await a.directory.find(ada)
  t.strictSame(await devices.removeGone(ada, [gone(two), gone({ ...one, platform: 'fcm' })], Date.now()), [
    two,
  ])
  t.strictSame(await listed(), [one, three])
  t.equal((await a.directory.find(ada))?.updatedAt, before?.updatedAt)
  t.strictSame(await devices.removeGone(ada, [gone(two)], Date.now()), [], 'only once')
})

t.test('an APNs token of an older entry leaves in whichever case it was written', async (t) => {
  const old: Device = { platform: 'apns', token: 'ONE' }
  const other: Device = { platform: 'fcm', token: 'TWO' }
  await put(old, other)
  await age(10_000)
  t.strictSame(await devices.removeGone(ada, [gone(one), gone(two)], Date.now()), [old])
  t.strictSame(await listed(), [other])
})

t.test('only of that user of that tenant', async (t) => {
  await put(one)
  await a.directory.put('globex', [{ ...nobody, userId: 'ada', devices: [one] }])
  await age(10_000)
  t.strictSame(await devices.removeGone({ ...ada, userId: 'bob' }, [gone(one)], Date.now()), [])
  t.strictSame(await devices.removeGone(ada, [gone(one)], Date.now()), [one])
  t.strictSame((await a.directory.find({ ...ada, tenantId: 'globex' }))?.devices, [one])
})

t.test('a token that was registered after it became inactive is alive', async (t) => {
  await put(one)
  await age(10_000)
  t.strictSame(await devices.removeGone(ada, [gone(one, Date.now() - 20_000)], Date.now()), [])
  t.strictSame(await listed(), [one])
  t.strictSame(await devices.removeGone(ada, [gone(one, Date.now() - 5_000)], Date.now()), [one])
})

t.test('each device has its own time: another one, or a new locale, does not make it younger', async (t) => {
  await put(one)
  await age(60_000)
  await put(two, one)
  await a.directory.prefer(ada, { locale: 'de' })
  await age(10_000)
  const died = Date.now() - 30_000
  t.strictSame(await devices.removeGone(ada, [gone(one, died), gone(two, died)], Date.now()), [one])
  t.strictSame(await listed(), [two])
})

t.test('an entry that was written while the provider was being asked stays', async (t) => {
  await put(one)
  t.strictSame(await devices.removeGone(ada, [gone(one)], Date.now() - 5_000), [])
  t.strictSame(await listed(), [one])
})

t.test('every instance forgets what it remembers of the user', async (t) => {
  await put(one, two)
  await age(10_000)
  const known = async (instance: typeof a) => {
    const [standing] = await instance.known.find([{ ...ada, channel: 'push', address: null }])
    return standing?.recipient.devices
  }
  t.strictSame(await known(a), [one, two])
  t.strictSame(await known(b), [one, two])
  await devices.removeGone(ada, [gone(two)], Date.now())
  t.strictSame(await known(a), [one], 'the one that removed it, at once')
  await b.caughtUp()
  t.strictSame(await known(b), [one])
})
