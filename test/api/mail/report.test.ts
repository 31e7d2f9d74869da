import t from 'tap'
import { readReport } from '../../../src/api/mail/report.js'
import { complaintReport, deliveryReport } from '../../support/reports.js'

const ID = 'notif_0198c0de-0000-7000-8000-000000000001'
const OTHER = 'notif_0198c0de-0000-7000-8000-000000000002'

t.test('reads a report, and what it is about', async (t) => {
  t.same(readReport(deliveryReport({ notificationId: ID })), {
    kind: 'bounce',
    notificationId: ID,
    recipients: [{ addresses: ['ada@example.org'], action: 'failed', status: '5.1.1' }],
  })
  t.match(readReport(deliveryReport({ notificationId: ID, envelopeId: OTHER })), { notificationId: OTHER })
  t.match(readReport(deliveryReport()), { notificationId: null })
  const answering = `In-Reply-To: <${ID}@sender.example>\r\n${deliveryReport()}`
  t.match(readReport(answering), { notificationId: ID })
  t.match(readReport(deliveryReport({ notificationId: ID }).replaceAll('\r\n', '\n')), {
    notificationId: ID,
    recipients: [{ status: '5.1.1' }],
  })
})

t.test('several recipients, each with its own fate', async (t) => {
  const more = [
    'Final-Recipient: RFC822;<bob@example.org>\r\naction: Delayed\r\nSTATUS: 4.4.1 (no answer)',
    'Original-Recipient: rfc822;eve@example.org\r\nFinal-Recipient: rfc822;eve@inside.example.org\r\nAction: relayed\r\nStatus: 2.0.0',
    'X-Other: 1',
  ].join('\r\n\r\n')
  t.match(readReport(deliveryReport({ more })), {
    recipients: [
      { addresses: ['ada@example.org'], action: 'failed' },
      { addresses: ['bob@example.org'], action: 'delayed', status: '4.4.1' },
      { addresses: ['eve@example.org', 'eve@inside.example.org'], action: 'relayed', status: '2.0.0' },
    ],
  })
})

t.test('a status that says nothing is made exact by the words of the server', async (t) => {
  const status = (change: { status: string; diagnostic: string }): string | null => {
    const report = readReport(deliveryReport(change))
    return report.kind === 'bounce' ? (report.recipients[0]?.status ?? null) : null
  }
  t.equal(status({ status: '5.0.0', diagnostic: 'smtp; 550 5.1.1 unknown' }), '5.1.1')
  t.equal(status({ status: '5.0.0', diagnostic: 'smtp;550-5.1.1\r\n 550 5.1.1 unknown' }), '5.1.1')
  t.equal(status({ status: '5.0.0', diagnostic: 'smtp; 550 unknown 5.1.1' }), '5.0.0')
  t.equal(status({ status: '4.0.0', diagnostic: 'smtp; 550 5.1.1 unknown' }), '4.0.0')
  t.equal(status({ status: '5.7.1', diagnostic: 'smtp; 550 5.1.1 unknown' }), '5.7.1')
  t.equal(status({ status: '5.0.0', diagnostic: 'x-unix; 550 5.1.1' }), '5.0.0')
})

t.test('a boundary may begin like the one of a part within', async (t) => {
  const nested = deliveryReport({ notificationId: ID })
    .replaceAll('4D2F1.1764000000/mx.example.org', 'a')
    .replace("I'm sorry", 'Content\r\n--ab\r\nContent-Type: message/delivery-status\r\n\r\nX: 1\r\n--ab--')
  t.match(readReport(nested), { notificationId: ID, recipients: [{ addresses: ['ada@example.org'] }] })
})

t.test('reads a complaint', async (t) => {
  t.same(readReport(complaintReport(ID, 'ada@example.org')), {
    kind: 'complaint',
    notificationId: ID,
    addresses: ['ada@example.org'],
  })
  t.match(readReport(complaintReport(null, null)), { notificationId: null, addresses: [] })
})

t.test('says what is missing', async (t) => {
  const report = deliveryReport()
  for (const [text, words] of [
    ['', /text\/plain, not multipart\/report/],
    ['Subject: hi\r\n\r\nI am on holiday', /text\/plain, not multipart\/report/],
    ['Content-Type: <x>\r\n\r\n', /of no known type, not multipart\/report/],
    [report.replace(/boundary="[^"]*"/, 'b'), /no boundary/],
    [report.replace('message/delivery-status', 'text/plain'), /neither a message\/delivery-status nor/],
    [report.replaceAll('Final-Recipient', 'X').replace('Action', 'X'), /names no Final-Recipient/],
    [deliveryReport({ final: 'x400; /S=ada/' }), /Final-Recipient has no address/],
    [deliveryReport({ action: 'bounced' }), /Action is none of failed, delayed/],
    [deliveryReport({ status: 'unknown' }), /Status is not a code/],
    [deliveryReport({ status: '5.1.1.1' }), /Status is not a code/],
    [report.replace(/Status: .*\r\n/, ''), /Status is not a code/],
    [complaintReport(ID, null).replace('Feedback-Type', 'X'), /no Feedback-Type/],
    [
      deliveryReport({
        more: 'Final-Recipient: rfc822;a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n'.repeat(101),
      }),
      /more than 100 recipients/,
    ],
  ] as const) {
    t.throws(() => readReport(text), { code: 'validation_failed', message: words })
  }
})

t.test('takes time in proportion to the length', async (t) => {
  const head = 'Content-Type: multipart/report; boundary=b\n\n'
  const size = 4 * 1024 * 1024
  const fill = (unit: string): string => unit.repeat(Math.ceil(size / unit.length))
  const status = `${head}--b\nContent-Type: message/delivery-status\n\n`
  const shapes = [
    fill('\n'),
    fill('A:b\n'),
    fill(' \n'),
    fill('a'),
    head + fill('--b\n\n\n'),
    head + fill('--bb\n'),
    head + fill('\n--b'),
    head + fill('Content-Type: multipart/mixed; boundary=b\n\n--b\n'),
    head + fill('Content-Type: message/rfc822\n\n'),
    `Content-Type: multipart/report${fill(';      ')}`,
    `Content-Type: multipart/report; boundary="${fill('b')}`,
    status + fill('\n \t'),
    status + fill('\r\n\r'),
    status + fill('Final-Recipient: rfc822;a@b.c\n\n'),
    status + fill('Final-Recipient: rfc822;'),
    `${status}Final-Recipient: ${fill(' ')}`,
    `${status}Final-Recipient: rfc822;a@b.c\nAction: failed\nStatus: ${fill('5.1.')}`,
  ]
  for (const shape of shapes) {
    const begun = performance.now()
    t.throws(() => readReport(shape), { code: 'validation_failed' })
    // Four megabytes take some milliseconds; a quadratic scan of them would take hours.
    t.ok(performance.now() - begun < 2_000, JSON.stringify(shape.slice(0, 120)))
  }
})
