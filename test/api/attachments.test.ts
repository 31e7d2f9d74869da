import t, { type Test } from 'tap'
import { message, wrongFields } from './directory-support.js'
import { memoryPorts } from './memory-ports.js'
import { serve, token, VALID } from './support.js'

const MAIL = { ...VALID, channel: 'email', metadata: { email: 'ada@example.org' } }
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const PDF = { filename: 'invoice.pdf', content: base64('%PDF-1.7') }
const LOGO = { filename: 'logo', content: base64('png'), content_type: 'Image/PNG', content_id: 'logo' }

async function server(t: Test) {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  return {
    ...ports,
    send: (body: object) => client.call('POST', '/api/v1/notifications/send', { body }),
    client,
  }
}

t.test('what is kept is what was sent, and the notification only names it', async (t) => {
  const { send, intake, attachments, client } = await server(t)
  const { status, body } = await send({ ...MAIL, attachments: [PDF, LOGO] })
  t.equal(status, 200)
  t.match(intake.submitted, [
    {
      attachments: [
        { filename: 'invoice.pdf', contentType: 'application/pdf', contentId: null, size: 8 },
        { filename: 'logo', contentType: 'image/png', contentId: 'logo', size: 3 },
      ],
    },
  ])
  t.same(
    attachments.kept.map(({ id, content }) => [id, content.toString()]),
    [
      [intake.submitted[0]?.attachments[0]?.id, '%PDF-1.7'],
      [intake.submitted[0]?.attachments[1]?.id, 'png'],
    ],
  )
  t.match(attachments.kept[0]?.id, /^att_[\w-]{43}$/)
  const found = await client.call('GET', `/api/v1/notifications/${Object(body).id}`)
  t.same(Object(found.body).attachments, [
    { filename: 'invoice.pdf', content_type: 'application/pdf', content_id: null, size: 8 },
    { filename: 'logo', content_type: 'image/png', content_id: 'logo', size: 3 },
  ])
})

t.test('a batch keeps its files once', async (t) => {
  const { client, intake, attachments } = await server(t)
  const { user_id: _, ...shared } = MAIL
  const body = { ...shared, user_ids: ['a', 'b', 'c'], attachments: [PDF] }
  t.equal((await client.call('POST', '/api/v1/notifications/batch', { body })).status, 200)
  t.equal(attachments.kept.length, 1)
  t.same(
    intake.submitted.map(({ attachments: [file] }) => file?.id),
    Array(3).fill(attachments.kept[0]?.id),
  )
})

t.test('a store that cannot keep them accepts nothing', async (t) => {
  const ports = memoryPorts()
  const lost = { keep: () => Promise.reject(new Error('no connection')) }
  const client = await serve(t, { ...ports, attachments: lost })
  const body = { ...MAIL, attachments: [PDF] }
  t.equal((await client.call('POST', '/api/v1/notifications/send', { body })).status, 500)
  t.same(ports.intake.submitted, [])
})

const file = (change: object) => ({ attachments: [{ ...PDF, ...change }] })
const refusals: readonly (readonly [string, object, string, RegExp?])[] = [
  ['another channel', { ...file({}), channel: 'in_app' }, '/attachments', /email only/],
  ['eleven files', { attachments: Array(11).fill(PDF) }, '/attachments'],
  [
    'too much in all',
    { attachments: [file({}).attachments[0], { ...PDF, content: base64('x'.repeat(993)) }] },
    '/attachments',
    /1000 bytes/,
  ],
  ['no content', file({ content: '' }), '/attachments/0/content'],
  ['base64 without padding', file({ content: 'QQ' }), '/attachments/0/content', /base64/],
  ['base64url', file({ content: 'Q-_x' }), '/attachments/0/content', /base64/],
  ['line ends in base64', file({ content: 'QUJD\r\nQUJD\r\n' }), '/attachments/0/content', /base64/],
  ['padding in the middle', file({ content: 'QQ==QUJD' }), '/attachments/0/content', /base64/],
  ['a path', file({ filename: '../../etc/passwd' }), '/attachments/0/filename', /without a path/],
  ['a Windows path', file({ filename: 'C:\\a.pdf' }), '/attachments/0/filename', /without a path/],
  ['dots', file({ filename: '..' }), '/attachments/0/filename'],
  ['a name that turns around', file({ filename: 'a\u202efdp.exe' }), '/attachments/0/filename'],
  ['a header in the name', file({ filename: 'a\r\nX-Evil: 1' }), '/attachments/0/filename', /one line/],
  ['a name that is too long', file({ filename: 'x'.repeat(201) }), '/attachments/0/filename'],
  ['no media type', file({ content_type: 'pdf' }), '/attachments/0/content_type', /media type/],
  ['parameters', file({ content_type: 'text/html; charset=x' }), '/attachments/0/content_type'],
  ['a header in the type', file({ content_type: 'text/html\r\nX: 1' }), '/attachments/0/content_type'],
  ['a part of parts', file({ content_type: 'multipart/mixed' }), '/attachments/0/content_type', /multipart/],
  ['a message', file({ content_type: 'message/rfc822' }), '/attachments/0/content_type'],
  ['a content id with brackets', file({ content_id: '<logo>' }), '/attachments/0/content_id'],
  ['a header in the content id', file({ content_id: 'a\r\nX: 1' }), '/attachments/0/content_id'],
  ['a content id twice', { attachments: [LOGO, { ...LOGO }] }, '/attachments/1/content_id', /twice/],
  ['a URL', { attachments: [{ filename: 'a', href: 'http://127.0.0.1/' }] }, '/attachments/0/content'],
  ['a path to read', file({ path: '/etc/passwd' }), '/attachments/0/path', /not a known field/],
]

t.test('refuses, and names the field', async (t) => {
  const { send, intake, attachments } = await server(t)
  for (const [name, change, field, words] of refusals) {
    const answer = await send({ ...MAIL, ...change })
    t.ok(wrongFields(answer).includes(field), `${name}: ${JSON.stringify(answer.body)}`)
    if (words !== undefined) t.match(message(answer), words, name)
  }
  t.same([intake.submitted, attachments.kept], [[], []], 'nothing is kept')
})

t.test('as much as is allowed is taken', async (t) => {
  const { send, attachments } = await server(t)
  const { status } = await send({ ...MAIL, ...file({ content: base64('x'.repeat(1_000)) }) })
  t.equal(status, 200)
  t.equal(attachments.kept[0]?.content.length, 1_000)
})

t.test('the same key with another file is another request', async (t) => {
  const { client } = await server(t)
  const send = (content: string) =>
    client.call('POST', '/api/v1/notifications/send', {
      body: { ...MAIL, ...file({ content: base64(content) }) },
      headers: { 'idempotency-key': 'k1' },
    })
  t.equal((await send('a')).status, 200)
  t.match((await send('a')).headers.get('idempotency-replayed'), 'true')
  t.equal((await send('b')).status, 422)
})

t.test('schedules take none', async (t) => {
  const { client } = await server(t)
  const { tenant_id, ...sent } = MAIL
  const body = { tenant_id, name: 'weekly', every: '1w', message: { ...sent, attachments: [PDF] } }
  const answer = await client.call('POST', '/api/v1/schedules', {
    body,
    token: await token('svc', 't1', ['sender']),
  })
  t.same(wrongFields(answer), ['/message/attachments'])
})
