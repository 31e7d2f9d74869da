import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { generated } from '../support/generated-client.js'
import { traced } from '../support/traced.js'
import { Gate } from '../support/waiting.js'
import { clientOf, serveGrpc } from './grpc-support.js'
import { memoryPorts } from './memory-ports.js'
import { serve, token, VALID } from './support.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const headers = { traceparent: `00-${TRACE}-${PARENT}-01` }
const SEND = '/api/v1/notifications/send'
const SERVICE = 'notification.v1.NotificationService'

const files = await generated(t)

const failing = () => {
  const ports = memoryPorts()
  const submit = () => Promise.reject(new Failure('store_unavailable', 'it is away'))
  return { ...ports, intake: { ...ports.intake, submit } }
}

t.test('HTTP: requests that send, by their route and answer', async (t) => {
  const { telemetry, exported } = await traced(t)
  const ports = memoryPorts()
  const client = await serve(t, { ...ports, telemetry })
  await client.call('POST', SEND, { body: { ...VALID, channel: 'in_app' }, headers })
  await client.call('POST', SEND, { body: {}, headers })
  await client.call('POST', SEND, { body: VALID, headers, token: null })
  await client.call('GET', '/api/v1/users/u1/unread_count', { headers })
  const [sent, refused, ...others] = await exported()
  t.match(sent, {
    name: `POST ${SEND}`,
    kind: 'SERVER',
    traceId: TRACE,
    parentId: PARENT,
    failed: false,
    attributes: {
      'http.request.method': 'POST',
      'http.route': SEND,
      'url.path': SEND,
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'notification.tenant_id': 't1',
    },
  })
  t.match(ports.intake.submitted, [{ traceparent: `00-${TRACE}-${sent?.spanId}-01` }])
  t.match(refused, { failed: false, attributes: { 'http.response.status_code': 400 } }, 'not our fault')
  t.same(others, [], 'strangers and other routes leave nothing')
})

t.test('HTTP: what fails, and a sender who does not wait', async (t) => {
  const { telemetry, collector } = await traced(t)
  const body = { ...VALID, channel: 'in_app' }
  const away = await serve(t, { ...failing(), telemetry })
  await away.call('POST', SEND, { body, headers })
  const ports = memoryPorts()
  const submitted = new Gate()
  const submit = () => {
    submitted.open()
    return new Promise<never>(() => undefined)
  }
  const slow = await serve(t, { ...ports, intake: { ...ports.intake, submit }, telemetry })
  const hasty = new AbortController()
  const sending = fetch(`${slow.url}${SEND}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await token('svc', 't1', ['sender'])}`,
    },
    body: JSON.stringify(body),
    signal: hasty.signal,
  })
  await submitted.opened
  hasty.abort()
  await t.rejects(sending)
  await collector.until(() => collector.spans.length === 2, 'two spans')
  t.match(collector.spans, [
    { failed: true, attributes: { 'http.response.status_code': 503, 'error.type': '503' } },
    { failed: true, attributes: { 'http.route': SEND, 'error.type': 'aborted' } },
  ])
})

t.test('gRPC: the same', async (t) => {
  const { telemetry, exported } = await traced(t)
  const ports = memoryPorts()
  const client = await clientOf(t, await serveGrpc(t, { ...ports, telemetry }), files)
  const away = await clientOf(t, await serveGrpc(t, { ...failing(), telemetry }), files)
  const message = { ...VALID, channel: 'CHANNEL_IN_APP' }
  await client.call('SendNotification', message, { metadata: headers })
  await client.refusal('SendNotification', {}, { metadata: headers })
  const { user_id: _, ...batch } = message
  await away.refusal('SendBulkNotification', { ...batch, user_ids: ['u1'] }, { metadata: headers })
  await client.call('GetUnreadCount', { user_id: 'u1' }, { metadata: headers })
  const [sent, refused, failed, ...others] = await exported()
  t.match(sent, {
    name: `${SERVICE}/SendNotification`,
    kind: 'SERVER',
    traceId: TRACE,
    parentId: PARENT,
    failed: false,
    attributes: {
      'rpc.system': 'grpc',
      'rpc.service': SERVICE,
      'rpc.method': 'SendNotification',
      'rpc.response.status_code': 'OK',
      'notification.tenant_id': 't1',
    },
  })
  t.match(ports.intake.submitted, [{ traceparent: `00-${TRACE}-${sent?.spanId}-01` }])
  t.match(refused, { failed: false, attributes: { 'rpc.response.status_code': 'INVALID_ARGUMENT' } })
  t.match(failed, { failed: true, attributes: { 'error.type': 'UNAVAILABLE' } })
  t.same(others, [])
})

t.test('what is not recorded goes on as it came', async (t) => {
  const silent = { traceparent: `00-${TRACE}-${PARENT}-00` }
  const { telemetry, exported } = await traced(t)
  const ports = memoryPorts()
  const http = await serve(t, { ...ports, telemetry })
  const grpc = await clientOf(t, await serveGrpc(t, { ...ports, telemetry }), files)
  await http.call('POST', SEND, { body: { ...VALID, channel: 'in_app' }, headers: silent })
  await grpc.call('SendNotification', { ...VALID, channel: 'CHANNEL_IN_APP' }, { metadata: silent })
  t.match(ports.intake.submitted, [silent, silent])
  t.same(await exported(), [])
})
