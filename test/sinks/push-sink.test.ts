import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { providerFailure } from '../../src/sinks/push/failures.js'
import { Guard } from '../../src/sinks/push/guard.js'
import { checkDevices } from '../../src/sinks/push/index.js'
import type { DeviceResult } from '../../src/sinks/push/provider.js'
import { aNotification } from '../support/notification.js'
import { Apple } from '../support/push/apple.js'
import { Google } from '../support/push/google.js'
import { android, appleToken, iphone, stand } from '../support/push/stand.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { Gate } from '../support/waiting.js'

const google = await Google.start(t)
const apple = await Apple.start(t)
const GONE = { status: 404, reason: 'UNREGISTERED' }

t.beforeEach(() => {
  google.onMessage = () => undefined
  apple.onPush = () => undefined
  google.asked.length = 0
  apple.asked.length = 0
})

t.test('one notification on the devices of both platforms', async (t) => {
  const { push, gone, telemetry } = stand(t, { google, apple })
  google.onMessage = (token) => (token === 'dead' ? GONE : undefined)
  const receipt = await push([...android('a', 'dead', 'a'), ...iphone('b')])
  t.match(receipt, { provider: 'fcm,apns', note: 'fcm 1 of 2, 1 removed; apns 1 of 1' })
  t.same(google.asked.toSorted(), ['a', 'dead'], 'each device once')
  t.match(gone, [{ platform: 'fcm', token: 'dead', goneAt: null }])
  t.match(telemetry.lines, [{ event: 'push.devices_removed', devices: 1, tenant_id: 'acme' }])
  const metrics = await telemetry.metrics.registry.metrics()
  t.match(metrics, 'notification_provider_calls_total{channel="push",provider="fcm",result="gone"} 1')
  t.match(metrics, 'notification_provider_seconds_count{channel="push",provider="apns"} 1')
  t.notMatch(JSON.stringify(telemetry.lines), /dead/, 'no tokens in the log')
})

t.test('delivered where one provider fails; else the failure that waiting may mend', async (t) => {
  const { push } = stand(t, { google, apple, rest: { tries: 1 } })
  await push(android('taken'))
  google.onMessage = () => ({ status: 503, reason: 'UNAVAILABLE' })
  t.match(await push([...android('a'), ...iphone('b')]), {
    note: 'fcm 0 of 1, 1 unavailable; apns 1 of 1',
  })
  apple.onPush = () => ({ status: 413, reason: 'PayloadTooLarge' })
  t.match(await push([...android('a'), ...iphone('b')]), { code: 'unavailable', retryable: true })
  google.onMessage = () => GONE
  t.match(await push([...android('a'), ...iphone('b')]), { code: 'rejected', retryable: false })
  google.onMessage = () => ({ status: 400, reason: 'INVALID_ARGUMENT' })
  apple.onPush = () => ({ status: 503, reason: 'ServiceUnavailable' })
  t.match(await push([...android('a'), ...iphone('b')]), { code: 'unavailable', retryable: true })
})

t.test('a provider that is not there, or not open to the tenant', async (t) => {
  const onlyFcm = stand(t, { google })
  t.match(await onlyFcm.push(iphone('b')), { code: 'not_configured', retryable: false })
  t.match(await onlyFcm.push([...android('a'), ...iphone('b')]), {
    note: 'fcm 1 of 1; apns not open, 1 left out',
  })
  const { push } = stand(t, { google, fcm: { tenants: ['globex'] } })
  t.match(await push(android('a')), { code: 'not_configured' })
  t.match(await push(android('a'), { tenantId: 'globex' }), { note: 'fcm 1 of 1' })
})

t.test('an attempt that is cut off ends at once', async (t) => {
  const { sink } = stand(t, { google, apple })
  google.onMessage = () => 'hang'
  apple.onPush = () => 'hang'
  const cutOff = new AbortController()
  const notification = aNotification({
    channel: 'push',
    metadata: { devices: [...android('a'), ...iphone('b')].map((device) => ({ ...device })) },
  })
  const sent = sink.send(notification, cutOff.signal)
  await Promise.all([
    google.watch.until(() => google.asked.length > 0, 'FCM to be asked'),
    apple.watch.until(() => apple.asked.length > 0, 'APNs to be asked'),
  ])
  cutOff.abort()
  await t.rejects(sent, { code: 'timeout' })
  await google.watch.until(() => google.open === 0, 'the request to be ended')
})

t.test('the directory does not answer: what was delivered stands', async (t) => {
  const removeGone = async () => {
    throw new Error('away')
  }
  const { push, telemetry } = stand(t, { google, rest: { directory: { removeGone } } })
  google.onMessage = (token) => (token === 'dead' ? GONE : undefined)
  t.match(await push(android('a', 'dead')), { note: 'fcm 1 of 2, 1 gone' })
  t.match(telemetry.lines, [{ event: 'push.devices_kept', devices: 1 }])
})

t.test('a provider that is down is left alone, and the other is not', async (t) => {
  const breaker = { failureRate: 0.5, windowMs: 1_000, minimumCalls: 3, halfOpenAfterMs: 60 }
  const { push, telemetry } = stand(t, { google, apple, rest: { tries: 1, breaker } })
  google.onMessage = (token) => (token === 'good' ? undefined : { status: 500, reason: 'INTERNAL' })
  for (let n = 0; n < 10; n += 1) await push(android('a', 'good'))
  t.same(telemetry.lines, [], 'one device that is answered about shows that it is there')
  while (!telemetry.lines.some(({ event }) => event === 'breaker.opened')) await push(android('a'))
  google.asked.length = 0
  t.match(await push(android('a')), { code: 'circuit_open', retryable: true, provider: 'fcm' })
  t.same(google.asked, [])
  t.match(await push([...android('a'), ...iphone('b')]), {
    note: 'fcm 0 of 1, 1 circuit_open; apns 1 of 1',
  })
  google.onMessage = () => undefined
  for (;;) if (!((await push(android('a'))) instanceof DeliveryFailure)) break
  t.match(telemetry.lines.at(-1), { event: 'breaker.closed', provider: 'fcm' })
})

t.test('a slow provider holds up no more calls than it has places', async (t) => {
  const { push } = stand(t, {
    google,
    apple,
    fcm: { slots: 1, timeoutMs: 1_500 },
    rest: { tries: 1, slots: 2 },
  })
  google.onMessage = (token) => (token === 'slow' ? 'hang' : undefined)
  const first = push(android('slow'))
  await google.watch.until(() => google.asked.length === 1, 'the first to have the place')
  const patient = push(android('patient'))
  const impatient = push(android('impatient'))
  t.match(await push(iphone('b')), { note: 'apns 1 of 1' })
  t.match(await impatient, { code: 'unavailable', retryable: true, provider: 'fcm' })
  t.same(google.asked, ['slow'], 'more than half of the lane is not left to those that wait')
  t.match(await first, { code: 'timeout' })
  t.match(await patient, { note: 'fcm 1 of 1' }, 'who waits with patience is not sent back')
})

const BREAKER = { failureRate: 0.5, windowMs: 100, minimumCalls: 3, halfOpenAfterMs: 1_000 }
const guarding = (slots: number) =>
  new Guard('fcm', { slots, patient: 1, breaker: BREAKER }, recordedTelemetry(), () => undefined)
const DOWN: DeviceResult = { kind: 'failed', failure: providerFailure('fcm', 'unavailable', 'down') }

t.test('failures of long ago open nothing', async (t) => {
  const guard = guarding(1)
  const never = new AbortController().signal
  const fail = () => guard.run(1, 0, never, async () => [DOWN])
  await fail()
  await fail()
  await delay(BREAKER.windowMs + 20)
  await fail()
  t.notOk(guard.open)
  await fail()
  await fail()
  t.ok(guard.open)
})

t.test('nobody waits long for a provider that is down', async (t) => {
  const guard = guarding(1)
  const never = new AbortController().signal
  for (let n = 0; n < 2; n += 1) await guard.run(1, 0, never, async () => [DOWN])
  const gate = new Gate()
  const last = guard.run(1, 0, never, async () => {
    await gate.opened
    return [DOWN]
  })
  const waiting = guard.run(1, 60_000, never, async () => [{ kind: 'sent', providerId: null }])
  gate.open()
  await last
  t.match(await waiting, [{ failure: { code: 'circuit_open' } }])
})

t.test('devices in a request', async (t) => {
  const token = appleToken('a')
  const good: JsonObject[] = [
    { devices: [{ platform: 'fcm', token: 'x:y-_' }] },
    { devices: [{ platform: 'apns', token }] },
    { platform: 'android', device_token: 'x' },
    { platform: 'ios', device_token: token },
    { devices: Array.from({ length: 1000 }, (_, n) => ({ platform: 'fcm', token: `t${n}` })) },
  ]
  for (const metadata of good) t.equal(checkDevices(metadata, '/metadata'), null)
  const bad: [metadata: JsonObject, field: string][] = [
    [{ devices: [] }, '/metadata/devices'],
    [{ devices: 'x' }, '/metadata/devices'],
    [{ devices: Array.from({ length: 1001 }, () => ({ platform: 'fcm', token: 't' })) }, '/metadata/devices'],
    [{ devices: [{ platform: 'fcm', token: 't' }, null] }, '/metadata/devices/1/platform'],
    [{ devices: [{ platform: 'windows', token: 't' }] }, '/metadata/devices/0/platform'],
    [{ devices: [{ platform: 'fcm', token: '' }] }, '/metadata/devices/0/token'],
    [{ devices: [{ platform: 'fcm', token: 'a b' }] }, '/metadata/devices/0/token'],
    [{ devices: [{ platform: 'apns', token: 'abc' }] }, '/metadata/devices/0/token'],
    [{ platform: 'ios', device_token: '../x' }, '/metadata/device_token'],
    [{ device_token: 'x' }, '/metadata/platform'],
    [{ platform: 'android', device_token: 7 }, '/metadata/device_token'],
  ]
  for (const [metadata, field] of bad) t.equal(checkDevices(metadata, '/metadata')?.field, field)
})
