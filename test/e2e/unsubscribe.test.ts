import t from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { type ReadMail, readMail } from '../support/mime.js'
import { startSmtp } from '../support/smtp.js'
import { startStack } from '../support/stack.js'
import { tokenIn } from '../support/unsubscribe.js'
import { eventually } from '../support/waiting.js'

const ONE_CLICK = 'List-Unsubscribe=One-Click'
const OFF = 'suppressed: not_subscribed'
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const EMAIL = { channel: 'email', metadata: { email: `${MARK}@example.org` } }
const SALE = { ...EMAIL, notification_type: 'marketing.sale' }

const smtp = await startSmtp(t)
const config = { quiet_hours: { enabled: false }, consent: { groups: { billing: ['invoice'] } } }
const env = { LOG_LEVEL: 'debug', SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}` }
const daemon = await startDaemon(t, { config, env })
const service = await daemon.sender()
const tokens = new Set<string>()

/** What the recipient finds in the mailbox. */
async function mailed(change: JsonObject, sender = service): Promise<ReadMail> {
  const id = await sender.accepted(change)
  const { status } = await sender.final(id)
  const mail = smtp.mails
    .map(({ raw }) => readMail(raw))
    .find((read) => read.header('message-id')?.includes(id))
  if (mail === undefined) throw new Error(`there is no mail of ${id}, which is ${status}`)
  return mail
}

/** The link in the header of a mail that is sent now. */
async function newLink(change: JsonObject, sender = service): Promise<string> {
  const link = linkOf(await mailed(change, sender)) ?? ''
  tokens.add(tokenIn(link))
  return link
}

const linkOf = (mail: ReadMail): string | undefined =>
  /^<(.+)>$/.exec(mail.header('list-unsubscribe') ?? '')?.[1]

/** As a mail program does it: without a login. */
async function follow(link: string, body = ONE_CLICK) {
  const answer = await fetch(link, { method: 'POST', body: new URLSearchParams(body), redirect: 'error' })
  const text = await answer.text()
  return { status: answer.status, text, json: JSON.parse(text) }
}

/** What becomes of a message for somebody. */
async function fate(change: JsonObject, sender = service): Promise<string> {
  const id = await sender.accepted(change)
  const { status, reason } = await sender.final(id)
  return reason === null ? status : `${status}: ${reason}`
}

t.test('marketing and activity can be turned off in the mail, the rest cannot', async (t) => {
  for (const [type, linked] of [
    ['marketing.sale', true],
    ['activity', true],
    ['comment.reply', true],
    ['system', false],
    ['billing.receipt', false],
    ['invoice', false],
  ] as const) {
    const mail = await mailed({ ...EMAIL, notification_type: type })
    const link = linkOf(mail)
    t.equal(link?.startsWith(`${daemon.url}/unsubscribe?token=`) ?? false, linked, type)
    t.equal(mail.header('list-unsubscribe-post'), linked ? ONE_CLICK : undefined, type)
  }
})

t.test('to look at the page changes nothing, one click does', async (t) => {
  const link = await newLink({ ...SALE, user_id: 'looks' })
  for (const init of [{ headers: BROWSER }, { method: 'HEAD' }, {}])
    t.equal((await fetch(link, init)).status, 200)
  const page = await (await fetch(link, { headers: BROWSER })).text()
  t.match(page, '<form method="post">')
  t.match(page, 'marketing.sale')
  t.notMatch(page, MARK)
  t.equal(await fate({ ...SALE, user_id: 'looks' }), 'sent')
  const { status, json } = await follow(link)
  t.equal(status, 200)
  t.same(json, {
    status: 'unsubscribed',
    scope: 'type',
    notification_type: 'marketing.sale',
    channel: 'email',
    group: 'marketing',
  })
  t.equal(await fate({ ...SALE, user_id: 'looks' }), OFF)
  t.equal(await fate({ ...SALE, user_id: 'looks', notification_type: 'marketing.news' }), 'sent')
  t.equal(await fate({ user_id: 'looks', notification_type: 'marketing.sale' }), 'sent', 'by another channel')
  t.equal(await fate({ ...SALE, user_id: 'neighbour' }), 'sent')
  const { body } = await service.get('/api/v1/subscriptions?user_id=looks')
  t.match(body, {
    subscriptions: [{ notification_type: 'marketing.sale', channel: 'email', enabled: false }],
  })
})

t.test('the button on the page works as well', async (t) => {
  const link = await newLink({ ...SALE, user_id: 'presses' })
  const body = new URLSearchParams('scope=type')
  const done = await fetch(link, { method: 'POST', body, headers: BROWSER })
  t.same([done.status, done.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
  t.match(await done.text(), 'You are unsubscribed')
  t.equal(await fate({ ...SALE, user_id: 'presses' }), OFF)
})

t.test('it stops the next one, which is scheduled already', async (t) => {
  const link = await newLink({ ...SALE, user_id: 'had-enough' })
  const scheduled_at = new Date(Date.now() + 3_000).toISOString()
  const next = await service.accepted({ ...SALE, user_id: 'had-enough', scheduled_at })
  const control = await service.accepted({ ...SALE, user_id: 'goes-on', scheduled_at })
  t.equal((await follow(link)).status, 200)
  t.match(await service.detail(next), { status: 'pending' }, 'its time has not come')
  t.match(await service.final(next), { status: 'suppressed', reason: 'not_subscribed', attempts: [] })
  t.match(await service.final(control), { status: 'sent' })
  t.notOk(smtp.mails.some(({ raw }) => raw.includes(next)))
})

t.test('all marketing in one call', async (t) => {
  const user = { user_id: 'no-marketing' }
  await service.put('/api/v1/subscriptions', {
    ...user,
    subscriptions: [{ notification_type: 'marketing.news', enabled: true }],
  })
  const link = await newLink({ ...SALE, ...user })
  t.match((await follow(link, 'scope=group')).json, { status: 'unsubscribed', scope: 'group' })
  for (const type of ['marketing', 'marketing.sale', 'marketing.news', 'marketing.partners']) {
    t.equal(await fate({ ...EMAIL, ...user, notification_type: type }), OFF, `${type} by email`)
    t.equal(await fate({ ...user, notification_type: type }), OFF, `${type} by in_app`)
  }
  for (const type of ['activity', 'billing', 'system'])
    t.equal(await fate({ ...EMAIL, ...user, notification_type: type }), 'sent', type)
})

t.test('a link that was used is void: what was decided since stands', async (t) => {
  const user = { user_id: 'comes-back' }
  const link = await newLink({ ...SALE, ...user })
  t.equal((await follow(link)).json.status, 'unsubscribed')
  const back = { notification_type: 'marketing.sale', channel: 'email', enabled: true }
  t.equal((await service.put('/api/v1/subscriptions', { ...user, subscriptions: [back] })).status, 200)
  t.match(await follow(link), { status: 200, json: { status: 'already' } })
  const newer = await newLink({ ...SALE, ...user })
  t.match(await follow(link), { status: 200, json: { status: 'already' } })
  t.equal(await fate({ ...SALE, ...user }), 'sent')
  t.equal((await follow(newer)).json.status, 'unsubscribed')
  t.equal(await fate({ ...SALE, ...user }), OFF)
})

t.test('what is not our link turns nothing off', async (t) => {
  const user = { user_id: 'victim' }
  const other = await daemon.sender('other')
  const link = await newLink({ ...SALE, ...user })
  const token = tokenIn(link)
  const [version, payload = '', signature = ''] = token.split('.')
  const theirs = tokenIn(await newLink({ ...SALE, ...user }, other))
  const encode = (part: string): string => Buffer.from(part).toString('base64url')
  const claims = Buffer.from(payload, 'base64url').toString()
  const [, otherPayload, otherSignature] = theirs.split('.')
  const forged = {
    'cut off': token.slice(0, -1),
    'cut in the middle': token.slice(0, token.length / 2),
    'without a signature': `${version}.${payload}.`,
    'another signature': `${version}.${payload}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
    'another user': `${version}.${encode(claims.replace('victim', 'neighbour'))}.${signature}`,
    'another tenant': `${version}.${encode(claims.replace('acme', 'other'))}.${signature}`,
    'the signature of another': `${version}.${payload}.${otherSignature}`,
    'the payload of another': `${version}.${otherPayload}.${signature}`,
    'another version': token.replace(/^1/, '2'),
    garbage: 'garbage',
  }
  for (const [what, bad] of Object.entries(forged)) {
    const { status, json } = await follow(`${daemon.url}/unsubscribe?token=${bad}`)
    t.match([status, json.code, json.errors?.[0]?.field], [400, 'validation_failed', '/token'], what)
    t.equal((await fetch(`${daemon.url}/unsubscribe?token=${bad}`)).status, 400, what)
  }
  t.equal(
    (await fetch(link, { method: 'POST', body: new URLSearchParams('x=1') })).status,
    400,
    'no question',
  )
  for (const sender of [service, other]) t.equal(await fate({ ...SALE, ...user }, sender), 'sent')
  t.equal((await follow(link)).status, 200)
  t.equal(await fate({ ...SALE, ...user }), OFF)
  t.equal(await fate({ ...SALE, ...user }, other), 'sent', 'the user of that name in another tenant')
})

t.test('a link in the text', async (t) => {
  const content = '<p>Hello {{ name }}</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
  const text = { content, variables: { name: MARK } }
  const mail = await mailed({ ...SALE, ...text, user_id: 'reads' })
  const link = linkOf(mail) ?? ''
  t.match(mail.parts.get('text/html'), `<a href="${link}">Unsubscribe</a>`)
  t.match(mail.parts.get('text/plain'), `Unsubscribe (${link})`)
  t.equal((await follow(link)).json.status, 'unsubscribed')
  const bill = await mailed({ ...EMAIL, ...text, user_id: 'reads', notification_type: 'billing' })
  t.match(bill.parts.get('text/html'), '<a href="">Unsubscribe</a>')
})

t.test('links in old mails outlive a restart', async (t) => {
  const link = await newLink({ ...SALE, user_id: 'patient' })
  await daemon.term()
  await daemon.restart()
  const { json } = await follow(`${daemon.url}/unsubscribe?token=${tokenIn(link)}`)
  t.match(json, { status: 'unsubscribed' })
  t.equal(await fate({ ...SALE, user_id: 'patient' }), OFF)
})

t.test('a link of one instance works at another, and counts at both', async (t) => {
  const stack = await startStack(t)
  const shared = { ...env, ...stack.env, UNSUBSCRIBE_SECRET: 'x'.repeat(32) }
  const [one, two] = await Promise.all([
    startDaemon(t, { config, env: shared }),
    startDaemon(t, { config, env: shared }),
  ])
  const sender = await one.sender()
  const message = { ...SALE, user_id: 'roams' }
  const token = tokenIn(await newLink(message, sender))
  t.equal((await follow(`${two.url}/unsubscribe?token=${token}`)).json.status, 'unsubscribed')
  const off = async () => (await fate(message, sender)) === OFF
  t.ok(await eventually(off, 'the other instance to know', 10_000))
  t.equal((await follow(`${one.url}/unsubscribe?token=${token}`)).json.status, 'already')
  checkLog(t, one, two)
})

t.test('the log', async (t) => {
  checkLog(t, daemon)
  const logged = [...tokens].filter((token) =>
    daemon.rawLines.some((line) => line.includes(token.slice(0, 40))),
  )
  t.same(logged, [], 'no links')
  t.ok(daemon.lines.some(({ event }) => event === 'recipient.unsubscribed'))
})
