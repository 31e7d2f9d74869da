import { once } from 'node:events'
import t from 'tap'
import { DeliveryFailure, type DeliveryFailureCode } from '../../src/model/outcome.js'
import { attempting } from '../../src/streams/attempt.js'
import { Breakers } from '../../src/streams/breakers.js'
import type { DeliveryPolicy, Sink } from '../../src/streams/ports.js'
import { aNotification } from '../support/notification.js'
import { recordedTelemetry } from '../support/telemetry.js'

const NEVER = new AbortController().signal
const breaker = { failureRate: 0.5, windowMs: 10_000, minimumCalls: 10, halfOpenAfterMs: 60_000 }
const policy: DeliveryPolicy = { timeoutMs: 1_000, tries: 1, slots: 1 }
const fail = (code: DeliveryFailureCode, retryable = true): Promise<never> =>
  Promise.reject(new DeliveryFailure(code, 'no', { retryable }))

function attempt(
  send: Sink['send'],
  changes: Partial<DeliveryPolicy> = {},
  cutOff = NEVER,
  target: string | null = 'a',
) {
  const telemetry = recordedTelemetry()
  const breakers = new Breakers('webhook', breaker, telemetry)
  const sink: Sink = { target: ({ userId }) => (target === 'by user' ? userId : target), send }
  return { telemetry, run: attempting(sink, { ...policy, ...changes }, breakers, cutOff) }
}

t.test('gives what the provider gave', async (t) => {
  const { run } = attempt(async () => ({ providerId: 'p1' }))
  t.same(await run(aNotification()), { kind: 'sent', receipt: { providerId: 'p1' } })
})

t.test('a send that takes too long is aborted and is a timeout', async (t) => {
  let aborted: AbortSignal | undefined
  const { run } = attempt(
    async (_, signal) => {
      aborted = signal
      await once(signal, 'abort')
      return {}
    },
    { timeoutMs: 20 },
  )
  t.match(await run(aNotification()), { kind: 'failed', failure: { code: 'timeout', retryable: true } })
  t.ok(aborted?.aborted, 'the work is told to stop')
})

t.test('a connection that failed is tried again within the attempt', async (t) => {
  let calls = 0
  const { run } = attempt(async () => (++calls === 1 ? fail('connection_failed') : {}), { tries: 2 })
  t.match(await run(aNotification()), { kind: 'sent' })
  t.equal(calls, 2)
})

for (const code of ['rejected', 'throttled', 'offline'] as const) {
  t.test(`${code} is not tried again within the attempt`, async (t) => {
    let calls = 0
    const send = () => {
      calls += 1
      return fail(code)
    }
    t.match(await attempt(send, { tries: 3 }).run(aNotification()), { kind: 'failed', failure: { code } })
    t.equal(calls, 1)
  })
}

t.test('a target that keeps failing is left alone, the others are not', async (t) => {
  let calls = 0
  const send: Sink['send'] = ({ userId }) => {
    if (userId !== 'bad') return Promise.resolve({})
    calls += 1
    return fail('unavailable')
  }
  const { run, telemetry } = attempt(send, {}, NEVER, 'by user')
  for (let n = 0; n < 40; n++) await run(aNotification({ userId: 'bad' }))
  t.ok(calls < 40, `${calls} calls got through`)
  t.match(await run(aNotification({ userId: 'bad' })), { failure: { code: 'circuit_open', retryable: true } })
  t.match(await run(aNotification({ userId: 'good' })), { kind: 'sent' })
  t.match(telemetry.lines, [{ event: 'breaker.opened', channel: 'webhook', level: 'warn' }])
})

t.test('refusals of single messages do not open the circuit', async (t) => {
  const { run } = attempt(() => fail('rejected', false))
  for (let n = 0; n < 40; n++) await run(aNotification())
  t.match(await run(aNotification()), { failure: { code: 'rejected' } })
})

t.test('what shutdown cuts off is released, not failed', async (t) => {
  const cutOff = new AbortController()
  const { run } = attempt(
    async (_, signal) => {
      cutOff.abort()
      signal.throwIfAborted()
      return {}
    },
    {},
    cutOff.signal,
  )
  t.same(await run(aNotification()), { kind: 'released' })
})

t.test('an unexpected error is an internal failure that keeps its cause', async (t) => {
  const cause = new TypeError('oops')
  const { run } = attempt(() => Promise.reject(cause))
  t.match(await run(aNotification()), { failure: { code: 'internal', retryable: true, cause } })
})

t.test('what is claimed when everything has been cut off is given back untried', async (t) => {
  let calls = 0
  const { run } = attempt(async () => ({ providerId: `${++calls}` }), {}, AbortSignal.abort())
  t.same(await run(aNotification({ channel: 'sms' })), { kind: 'released' })
  t.equal(calls, 0)
})

t.test('what costs money ends as uncertain where nobody can tell', async (t) => {
  const stop = new AbortController()
  const cut = attempt(
    (_, signal) => once(signal, 'abort').then(() => signal.throwIfAborted() ?? {}),
    {},
    stop.signal,
  ).run(aNotification({ channel: 'sms' }))
  stop.abort()
  t.match(await cut, { kind: 'failed', failure: { uncertain: true } }, 'cut off by a stop')
  const end = new AbortController()
  const knows = attempt((_, signal) => once(signal, 'abort').then(() => fail('abandoned')), {}, end.signal)
  const told = knows.run(aNotification({ channel: 'sms' }))
  end.abort()
  t.same(await told, { kind: 'released' }, 'the sink knows that it was not sent')
  const { run } = attempt(() => Promise.reject(new Error('a defect')))
  t.match(await run(aNotification({ channel: 'sms' })), {
    failure: { code: 'internal', uncertain: true, retryable: false },
  })
})
