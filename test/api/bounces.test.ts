import t from 'tap'
import { complaintReport, deliveryReport, type Report } from '../support/reports.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { onlyFor, serveDirectory } from './directory-support.js'
import { memoryPorts } from './memory-ports.js'
import { type Answer, type CallInit, VALID } from './support.js'

const MAIL = { 'content-type': 'message/rfc822' }

const ports = memoryPorts()
const { marked } = ports.bounces
const telemetry = recordedTelemetry()
const { notifications, intake, bounces } = ports
const { client, as } = await serveDirectory(t, { notifications, intake, bounces, telemetry })

let readers = 0
/** Somebody whom no other test writes to. */
const somebody = (): string => `ada-${++readers}@example.org`

const post = (raw: string | Uint8Array, options: CallInit = {}): Promise<Answer> =>
  client.call('POST', '/api/v1/bounces', { raw, headers: MAIL, ...options })

/** Resolves to the id of a mail to that address. */
async function sent(email: string): Promise<string> {
  const body = { ...VALID, channel: 'email', metadata: { email } }
  return Object((await client.call('POST', '/api/v1/notifications/send', { body })).body).id
}

async function suppressed(address: string): Promise<readonly unknown[]> {
  const path = `/api/v1/suppressions?address=${encodeURIComponent(address)}&channel=email`
  return Object((await client.call('GET', path)).body).suppressions
}

const marks = (id: string): readonly string[] => marked.filter((mark) => mark.startsWith(id))

t.test('an address that does not exist is suppressed, and the notification says so', async (t) => {
  const ada = somebody()
  const id = await sent(ada.toUpperCase())
  const { status, body } = await post(deliveryReport({ notificationId: id, final: `rfc822; ${ada}` }))
  t.equal(status, 200)
  t.same(body, {
    kind: 'bounce',
    notification_id: id,
    recipients: [{ address: ada, action: 'failed', status: '5.1.1', result: 'suppressed' }],
  })
  t.match(await suppressed(ada), [{ reason: 'bounce', note: '5.1.1' }])
  t.same(marks(id), [`${id} bounced`])
  t.match(
    telemetry.lines.filter(({ event }) => event === 'email.bounce_reported'),
    [{ notification_id: id, status: '5.1.1', result: 'suppressed' }],
  )
  t.notMatch(JSON.stringify(telemetry.lines), /ada-/i)
})

for (const [change, result] of [
  [{ status: '5.1.10' }, 'suppressed'],
  [{ status: '5.2.1' }, 'suppressed'],
  [{ status: '5.0.0' }, 'suppressed'],
  [{ status: '5.0.0', diagnostic: 'smtp; 550 no' }, 'recorded'],
  [{ status: '5.2.2' }, 'recorded'],
  [{ status: '5.7.1' }, 'recorded'],
  [{ status: '5.1.8' }, 'recorded'],
  [{ status: '4.4.7' }, 'recorded'],
  [{ status: '4.4.1', action: 'delayed' }, 'ignored'],
  [{ status: '5.1.1', action: 'delayed' }, 'ignored'],
  [{ status: '2.0.0', action: 'delivered' }, 'ignored'],
] as const satisfies readonly (readonly [Report, string])[]) {
  t.test(`${JSON.stringify(change)} is ${result}`, async (t) => {
    const ada = somebody()
    const id = await sent(ada)
    const { body } = await post(deliveryReport({ notificationId: id, final: `rfc822; ${ada}`, ...change }))
    t.match(body, { recipients: [{ result }] })
    t.same(marks(id), result === 'ignored' ? [] : [`${id} bounced`])
    t.equal((await suppressed(ada)).length, result === 'suppressed' ? 1 : 0)
  })
}

t.test('an address that was forwarded is known by how it was written to', async (t) => {
  const ada = somebody()
  const id = await sent(ada)
  const forwarded = { notificationId: id, final: 'rfc822; else@example.org' }
  t.match((await post(deliveryReport(forwarded))).body, { recipients: [{ result: 'unmatched' }] })
  t.same(await suppressed(ada), [])
  const original = `rfc822; ${ada.toUpperCase()}`
  t.match((await post(deliveryReport({ ...forwarded, original }))).body, {
    recipients: [{ result: 'suppressed' }],
  })
  t.equal((await suppressed(ada)).length, 1)
  t.same(await suppressed('else@example.org'), [], 'nobody else')
})

t.test('what nobody sent is not believed', async (t) => {
  const ada = somebody()
  const final = `rfc822; ${ada}`
  const unmatched = { recipients: [{ result: 'unmatched' }] }
  const id = await sent(ada)
  t.match((await post(deliveryReport({ final }))).body, unmatched, 'no id')
  const invented = 'notif_0198c0de-0000-7000-8000-000000000001'
  t.match((await post(deliveryReport({ final, notificationId: invented }))).body, unmatched, 'no such id')
  const other = await as('svc', 'sender', 't2')
  const foreign = await post(deliveryReport({ final, notificationId: id }), { token: other })
  t.match(foreign.body, unmatched, "another tenant's")
  t.match((await post(complaintReport(invented, ada))).body, unmatched)
  t.match((await post(complaintReport(id, 'else@example.org'))).body, unmatched)
  t.same(await suppressed(ada), [])
  t.same(marks(id), [])
})

t.test('one address among several, and the same report again', async (t) => {
  const ada = somebody()
  const id = await sent(ada)
  const more = 'Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.1.1'
  const report = deliveryReport({ notificationId: id, final: `rfc822; ${ada}`, more })
  for (const _ of [1, 2]) {
    t.match((await post(report)).body, { recipients: [{ result: 'suppressed' }, { result: 'unmatched' }] })
  }
  t.same(marks(id), [`${id} bounced`, `${id} bounced`])
})

t.test('a complaint ends all mail to its reader, whichever way it names the address', async (t) => {
  const ways: readonly ((ada: string) => readonly [string | null, string | null])[] = [
    (ada) => [ada, null],
    (ada) => [ada, 'undisclosed-recipients:;'],
    (ada) => [null, `"Lovelace, <Ada>" <${ada.toUpperCase()}>`],
    (ada) => ['blackened@example.org', ada],
  ]
  for (const way of ways) {
    const ada = somebody()
    const id = await sent(ada)
    const { body } = await post(complaintReport(id, ...way(ada)))
    t.match(body, {
      kind: 'complaint',
      notification_id: id,
      recipients: [{ action: 'complaint', status: null, result: 'suppressed' }],
    })
    t.match(await suppressed(ada), [{ reason: 'complaint', note: null }])
    t.same(marks(id), [`${id} complained`])
  }
})

t.test('a complaint that knows the id but not the address is not believed', async (t) => {
  const ada = somebody()
  const id = await sent(ada)
  for (const to of [null, 'Eve <eve@example.org>', `"${ada}" <eve@example.org>`]) {
    const unmatched = { recipients: [{ action: 'complaint', result: 'unmatched' }] }
    t.match((await post(complaintReport(id, null, to))).body, unmatched, String(to))
  }
  t.same(await suppressed(ada), [])
  t.same(marks(id), [])
})

t.test('an address in UTF-8 is known', async (t) => {
  for (const [final, type] of [
    ['utf-8; ada@bücher.example', 'message/global-delivery-status'],
    ['utf-8; ada@b\\x{FC}cher.example', 'message/delivery-status'],
    ['rfc822; ada@xn--bcher-kva.example', 'message/delivery-status'],
  ] as const) {
    const id = await sent('ada@bücher.example')
    const report = deliveryReport({ notificationId: id, final }).replace('message/delivery-status', type)
    t.match((await post(Buffer.from(report))).body, { recipients: [{ result: 'suppressed' }] }, final)
    t.same(marks(id), [`${id} bounced`])
  }
  t.equal((await suppressed('ada@bücher.example')).length, 1)
})

t.test('what is no report is refused, with the reason', async (t) => {
  const invalid = { status: 400, body: { code: 'validation_failed' } }
  t.match(await post('Subject: hi\r\n\r\nI am on holiday'), {
    status: 400,
    body: { code: 'validation_failed', detail: /not multipart\/report/ },
  })
  t.match(await post(Buffer.from([0xff, 0, 0xfe])), invalid)
  t.match(await post(''), invalid)
  t.match(await client.call('POST', '/api/v1/bounces'), invalid, 'no body at all')
  const json = await client.call('POST', '/api/v1/bounces', { body: {} })
  t.match(json, { status: 415, body: { code: 'unsupported_media_type', detail: /message\/rfc822/ } })
  t.match(await post('x'.repeat(4 * 1024 * 1024 + 1)), { status: 413, body: { code: 'payload_too_large' } })
})

t.test('bytes that are no text do no harm', async (t) => {
  const ada = somebody()
  const diagnostic = 'smtp; 550 5.1.1 \xff\xfe\0'
  const report = deliveryReport({ notificationId: await sent(ada), final: `rfc822; ${ada}`, diagnostic })
  t.match((await post(Buffer.from(report, 'latin1'))).body, { recipients: [{ result: 'suppressed' }] })
})

t.test('senders and admins hand in reports', async (t) => {
  const call = { method: 'POST', path: '/api/v1/bounces' }
  await onlyFor(t, client, call, { 'sender svc': true, 'admin root': true, 'user ada': false })
})

t.test('the documentation tells that it is mail', async (t) => {
  const { body } = await client.call('GET', '/openapi.json')
  const operation = Object(body).paths['/api/v1/bounces'].post
  t.same(Object.keys(operation.requestBody.content), ['message/rfc822'])
})
