import t, { type Test } from 'tap'
import { Failover, type FailoverOptions } from '../../src/sinks/sms/failover.js'
import type { Route } from '../../src/sinks/sms/gate.js'
import type { Behaviour } from '../support/sms/stand-in.js'
import { aMessage, failureOf, NEVER, startAliyun, startTencent } from '../support/sms/vendors.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { eventually } from '../support/waiting.js'

type Bounds = Partial<Omit<Route, 'provider'>>

interface Stand extends Partial<FailoverOptions> {
  readonly aliyun?: Bounds
  readonly tencent?: Bounds
}

const SWITCHING = { successRate: 0.9, windowMs: 10_000, minimumCalls: 10, againAfterMs: 60_000 }
const BOUNDS = { timeoutMs: 5_000, slots: 10, tenants: null }

/** Both vendors, asked in this order unless told otherwise. */
async function stand(t: Test, { aliyun, tencent, ...options }: Stand = {}) {
  const [first, second] = await Promise.all([startAliyun(t), startTencent(t)])
  const telemetry = recordedTelemetry()
  const failover = new Failover(
    [
      { ...BOUNDS, ...aliyun, provider: first.provider },
      { ...BOUNDS, ...tencent, provider: second.provider },
    ],
    {
      attemptMs: 12_000,
      order: ['aliyun', 'tencent'],
      orderByCountry: new Map(),
      switching: SWITCHING,
      ...options,
    },
    telemetry,
  )
  return {
    aliyun: first.vendor,
    tencent: second.vendor,
    telemetry,
    send: (changes = {}, tenant = 'acme', signal = NEVER) => failover.send(tenant, aMessage(changes), signal),
  }
}

t.test('the first takes it', async (t) => {
  const { send, tencent } = await stand(t)
  t.same(await send(), { provider: 'aliyun', providerId: '9006195027^0' })
  t.equal(tencent.connections, 0)
})

const goesOn: readonly (readonly [Behaviour, string])[] = [
  [{ code: 'isv.BUSINESS_LIMIT_CONTROL' }, 'aliyun: throttled (isv.BUSINESS_LIMIT_CONTROL)'],
  [{ code: 'isv.AMOUNT_NOT_ENOUGH' }, 'aliyun: account_refused (isv.AMOUNT_NOT_ENOUGH)'],
  [{ code: 'isv.SMS_TEMPLATE_ILLEGAL' }, 'aliyun: template_refused (isv.SMS_TEMPLATE_ILLEGAL)'],
  [{ code: 'isv.NEW' }, 'aliyun: rejected (isv.NEW)'],
  ['drop in the handshake', 'aliyun: connection_failed (ECONNRESET)'],
  ['hang in the handshake', 'aliyun: timeout'],
]
for (const [behaviour, note] of goesOn) {
  t.test(`the second takes what the first refuses for certain: ${note}`, async (t) => {
    const { send, aliyun, tencent } = await stand(t, { aliyun: { timeoutMs: 200 } })
    aliyun.behave = () => behaviour
    t.match(await send(), { provider: 'tencent', providerId: /^5000/, note })
    t.same([aliyun.connections, tencent.messages.length], [1, 1])
  })
}

const unclear: readonly (readonly [Behaviour, string])[] = [
  ['hang', 'timeout'],
  ['drop before reading', 'connection_failed'],
  ['drop after reading', 'connection_failed'],
  [{ code: 'InternalError' }, 'unavailable'],
  [{ code: 'isp.SYSTEM_ERROR' }, 'unavailable'],
]
for (const [behaviour, code] of unclear) {
  t.test(`nobody else is given what the first may have taken: ${JSON.stringify(behaviour)}`, async (t) => {
    const { send, aliyun, tencent } = await stand(t, { aliyun: { timeoutMs: 200 } })
    aliyun.behave = () => behaviour
    const failure = await failureOf(send())
    t.match(failure, { code, uncertain: true, retryable: false, provider: 'aliyun' })
    await aliyun.quiet()
    t.same([aliyun.connections, tencent.connections], [1, 0])
  })
}

t.test('a second one that may have taken it decides', async (t) => {
  const { send, aliyun, tencent } = await stand(t, { tencent: { timeoutMs: 200 } })
  aliyun.behave = () => ({ code: 'isv.DAY_LIMIT_CONTROL' })
  tencent.behave = () => 'hang'
  t.match(await failureOf(send()), {
    code: 'timeout',
    uncertain: true,
    provider: 'tencent',
    message: 'aliyun: throttled (isv.DAY_LIMIT_CONTROL); tencent: timeout',
  })
})

t.test('a number is refused once', async (t) => {
  const { send, aliyun, tencent } = await stand(t, {
    orderByCountry: new Map([['US', ['tencent', 'aliyun']]]),
  })
  aliyun.behave = () => ({ code: 'isv.MOBILE_NUMBER_ILLEGAL' })
  t.match(await failureOf(send()), { code: 'invalid_address', retryable: false })
  t.equal(tencent.connections, 0)
  tencent.behave = () => ({ code: 'FailedOperation.PhoneNumberInBlacklist' })
  t.match(await failureOf(send({ country: 'US' })), { code: 'address_refused', retryable: false })
  t.equal(aliyun.connections, 1)
})

t.test('both refuse', async (t) => {
  const { send, aliyun, tencent } = await stand(t)
  aliyun.behave = () => ({ code: 'isv.BUSINESS_LIMIT_CONTROL' })
  tencent.behave = () => ({ code: 'FailedOperation.TemplateIncorrectOrUnapproved' })
  const message =
    'aliyun: throttled (isv.BUSINESS_LIMIT_CONTROL); tencent: template_refused (FailedOperation.TemplateIncorrectOrUnapproved)'
  t.match(await failureOf(send()), { code: 'throttled', retryable: true, uncertain: false, message })
  aliyun.behave = () => ({ code: 'isv.SMS_TEMPLATE_ILLEGAL' })
  t.match(await failureOf(send()), { code: 'template_refused', retryable: false, provider: 'tencent' })
})

t.test('the order by country, and only those that are there', async (t) => {
  const orderByCountry = new Map([['HK', ['somebody', 'tencent']]])
  const { send } = await stand(t, { orderByCountry })
  t.match(await send({ number: '+85291234567', country: 'HK' }), { provider: 'tencent' })
  t.match(await send({ number: '+16502530000', country: null }), { provider: 'aliyun' })
})

t.test('opened to listed tenants', async (t) => {
  const { send } = await stand(t, { aliyun: { tenants: ['beta'] }, tencent: { tenants: ['beta', 'acme'] } })
  t.match(await send({}, 'beta'), { provider: 'aliyun' })
  t.match(await send({}, 'acme'), { provider: 'tencent' })
  t.match(await failureOf(send({}, 'other')), { code: 'not_configured', retryable: true })
})

t.test('a vendor that holds its slots holds up nobody', async (t) => {
  const { send, aliyun, tencent, telemetry } = await stand(t, {
    aliyun: { slots: 2, timeoutMs: 60_000 },
    tencent: { slots: 1, timeoutMs: 60_000 },
    attemptMs: 60_000,
  })
  const controller = new AbortController()
  aliyun.behave = () => 'hang'
  const held = [1, 2].map(() => failureOf(send({}, 'acme', controller.signal)))
  await aliyun.received(2)
  t.match(await send(), { provider: 'tencent', note: 'aliyun: throttled' })
  tencent.behave = () => 'hang'
  held.push(failureOf(send({}, 'acme', controller.signal)))
  await tencent.received(2)
  t.match(await failureOf(send()), {
    code: 'throttled',
    retryable: true,
    uncertain: false,
    message: 'aliyun: throttled; tencent: throttled',
  })
  controller.abort()
  t.match(await Promise.all(held), [{ uncertain: true }, { uncertain: true }, { uncertain: true }])
  await Promise.all([aliyun.quiet(), tencent.quiet()])
  aliyun.behave = () => 'take'
  t.match(await send(), { provider: 'aliyun' }, 'the slots are free again')

  const metrics = await telemetry.metrics.registry.metrics()
  t.match(metrics, /provider_calls_total\{channel="sms",provider="aliyun",result="uncertain"\} 2/)
  t.match(metrics, /provider_calls_total\{channel="sms",provider="tencent",result="sent"\} 1/)
  t.match(metrics, /provider_seconds_count\{channel="sms",provider="aliyun"\} 3/)
})

t.test('a burst waits for slots', async (t) => {
  const slots = { slots: 2 }
  const { send, aliyun, tencent } = await stand(t, { aliyun: slots, tencent: slots })
  const both = await Promise.all(Array.from({ length: 20 }, () => send()))
  t.equal(both.length, 20, 'and nobody is refused')
  t.ok(aliyun.messages.length > 2 && tencent.messages.length > 2, 'whoever is free first takes the next')

  tencent.behave = () => ({ code: 'FailedOperation.TemplateIncorrectOrUnapproved' })
  t.match(
    await Promise.all(Array.from({ length: 10 }, () => send())),
    Array.from({ length: 10 }, () => ({ provider: 'aliyun' })),
    'also when the other one refuses it',
  )
})

t.test('a burst when the first is left out', async (t) => {
  const { send, aliyun } = await stand(t, {
    tencent: { slots: 2 },
    switching: { ...SWITCHING, minimumCalls: 1 },
  })
  aliyun.behave = () => 'drop in the handshake'
  await send()
  const all = await Promise.all(Array.from({ length: 20 }, () => send()))
  t.same(new Set(all.map(({ provider }) => provider)), new Set(['tencent']))
  t.equal(aliyun.connections, 1)
})

t.test('nobody waits so long that the call could not be made', async (t) => {
  const held = { slots: 1, timeoutMs: 5_000 }
  const { send, aliyun, tencent } = await stand(t, { aliyun: held, tencent: held, attemptMs: 5_600 })
  const controller = new AbortController()
  aliyun.behave = () => 'hang'
  tencent.behave = () => 'hang'
  const calls = [1, 2].map(() => failureOf(send({}, 'acme', controller.signal)))
  await Promise.all([aliyun.received(1), tencent.received(1)])
  const begun = performance.now()
  t.match(await failureOf(send()), { code: 'throttled', message: 'aliyun: throttled; tencent: throttled' })
  const waited = performance.now() - begun
  t.ok(waited > 50 && waited < 2_000, `${waited} ms`)

  const stopped = new AbortController()
  const waiting = failureOf(send({}, 'acme', stopped.signal))
  stopped.abort()
  t.match(await waiting, { code: 'throttled', uncertain: false }, 'nor when it is stopped')
  controller.abort()
  await Promise.all(calls)
  aliyun.behave = () => 'take'
  t.match(await send(), { provider: 'aliyun' }, 'and no slot is lost')
})

t.test('what is cut off is not handed on', async (t) => {
  const { send, aliyun, tencent } = await stand(t)
  aliyun.behave = () => 'hang in the handshake'
  const controller = new AbortController()
  const sending = failureOf(send({}, 'acme', controller.signal))
  await aliyun.watch.until(() => aliyun.connections === 1, 'the connection')
  controller.abort()
  t.match(await sending, { code: 'abandoned', retryable: true, uncertain: false })
  t.equal(tencent.connections, 0)
})

t.test('switched when half of the calls fail, and back when they do not', async (t) => {
  const switching = { ...SWITCHING, windowMs: 1_000, againAfterMs: 300 }
  const { send, aliyun, tencent, telemetry } = await stand(t, { switching })
  const openBreakers = async () =>
    (await telemetry.metrics.breakerOpen.get()).values.map(({ value }) => value)
  aliyun.behave = (time) => (time % 2 === 0 ? { code: 'isv.OUT_OF_SERVICE' } : 'take')
  const begun = performance.now()
  let sent = 0
  while (!telemetry.lines.some(({ event }) => event === 'provider.left_out')) {
    await send()
    sent += 1
  }
  t.equal(sent, 10, 'as soon as there are enough calls to judge by')
  t.ok(performance.now() - begun < switching.windowMs, 'within the window')
  t.same(await openBreakers(), [1])
  t.match(await send(), { provider: 'tencent', note: 'aliyun: circuit_open' })
  t.equal(aliyun.connections, 10, 'left out: not asked')

  const again = async () =>
    eventually(async () => (await send()) && aliyun.connections > 10, 'another try', 5_000)
  aliyun.behave = () => ({ code: 'isv.OUT_OF_SERVICE' })
  await again()
  t.equal(aliyun.connections, 11, 'tried again with one call')
  t.match(await send(), { provider: 'tencent' }, 'which fails: left out again')
  t.equal(aliyun.connections, 11)

  aliyun.behave = () => 'take'
  await eventually(async () => (await send()).provider === 'aliyun', 'it to be back', 5_000)
  t.match(await Promise.all([send(), send()]), [{ provider: 'aliyun' }, { provider: 'aliyun' }])
  t.same(
    telemetry.lines.filter(({ event }) => event.startsWith('provider.')).map(({ event }) => event),
    ['provider.left_out', 'provider.back'],
  )
  t.same(await openBreakers(), [0])
  const everySecond = tencent.messages.length + aliyun.messages.length
  t.ok(everySecond > 20, 'and each of them was taken by one')
})

t.test('refusals of single numbers, texts and templates do not count against a vendor', async (t) => {
  const { send, aliyun, telemetry } = await stand(t)
  const codes = [
    'isv.MOBILE_NUMBER_ILLEGAL',
    'isv.SMS_TEMPLATE_ILLEGAL',
    'isv.BUSINESS_LIMIT_CONTROL',
    'isv.NEW',
  ]
  aliyun.behave = (time) => ({ code: codes[time % codes.length] ?? '' })
  for (let n = 0; n < 48; n += 1) await send().catch(() => undefined)
  t.equal(aliyun.connections, 48)
  t.notMatch(telemetry.lines, [{ event: 'provider.left_out' }])
})

t.test('both are left out', async (t) => {
  const { send, aliyun, tencent } = await stand(t, { switching: { ...SWITCHING, minimumCalls: 1 } })
  aliyun.behave = () => 'drop in the handshake'
  tencent.behave = () => 'drop in the handshake'
  await failureOf(send())
  t.match(await failureOf(send()), {
    code: 'circuit_open',
    retryable: true,
    message: 'aliyun: circuit_open; tencent: circuit_open',
  })
  t.same([aliyun.connections, tencent.connections], [1, 1])
})
