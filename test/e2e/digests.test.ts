import t, { type Test } from 'tap'
import { FILE_TIMEOUT_MS } from '../support/chaos.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { readMail } from '../support/mime.js'
import { startSmtp } from '../support/smtp.js'
import { startTimeTravel } from '../support/time-travel.js'

t.setTimeout(FILE_TIMEOUT_MS)

const ITEMS = [1, 2, 3]
const SHORTLY_BEFORE_MS = 5_000
const utc = (time: string): number => Date.parse(`2031-05-14T${time}:00Z`)

/** In India the clocks are five and a half hours ahead. */
const READERS = [
  { user: 'wen', timezone: 'Asia/Shanghai', locale: 'zh-CN', frequency: 'daily', boundary: utc('01:00') },
  { user: 'lan', timezone: 'Asia/Shanghai', locale: 'en', frequency: 'hourly', boundary: utc('01:00') },
  { user: 'dev', timezone: 'Asia/Kolkata', locale: 'en-IN', frequency: 'hourly', boundary: utc('01:30') },
  { user: 'asha', timezone: 'Asia/Kolkata', locale: 'en', frequency: 'daily', boundary: utc('03:30') },
] as const
type Reader = (typeof READERS)[number]

const time = await startTimeTravel(t, utc('00:40'))
const comings: number[] = []
const smtp = await startSmtp(t, {
  onMailFrom: (_address, _session, done) => {
    comings.push(Date.now())
    done()
  },
})
const daemon = await startDaemon(t, {
  config: { quiet_hours: { enabled: false }, channels: { email: { slots: 4 } } },
  env: { ...time.stack.env, SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}`, LOG_LEVEL: 'debug' },
})
const service = await daemon.sender()
const iso = (instant: number): string => new Date(instant).toISOString()
const addressOf = (user: string): string => `${MARK}-${user}@example.org`
const titleOf = (user: string, item: number): string => `${MARK} ${user} ${item}`
const held = new Map<string, string[]>()

async function want(user: string, timezone: string, locale: string, frequency: string): Promise<void> {
  const entry = { email: addressOf(user), timezone, locale }
  const [recipient, subscription] = await Promise.all([
    service.call('PUT', `/api/v1/recipients/${user}`, entry),
    service.call('PUT', '/api/v1/subscriptions', {
      user_id: user,
      subscriptions: [{ group: 'activity', enabled: true, frequency }],
    }),
  ])
  if (recipient.status !== 200 || subscription.status !== 200) throw new Error(recipient.text)
}

t.test('what is to be collected is held until the hour of each recipient', async (t) => {
  for (const { user, timezone, locale, frequency, boundary } of READERS) {
    await want(user, timezone, locale, frequency)
    const ids: string[] = []
    for (const item of ITEMS) {
      const { body } = await service.send({
        user_id: user,
        channel: 'email',
        notification_type: `comment.${item}`,
        title: titleOf(user, item),
        content: `<p>${MARK} <b>said</b> ${item} &amp; more</p>`,
      })
      t.match(body, { status: 'pending', reason: 'digest', deferred_until: iso(boundary) }, user)
      ids.push(body.id)
    }
    held.set(user, ids)
  }
  const critical = await service.accepted({ user_id: 'wen', channel: 'email', priority: 'critical' })
  t.match(await service.final(critical), { status: 'sent', digest_id: null })
  t.equal(smtp.mails.length, 1, 'critical comes at once, and nothing else')
})

for (const boundary of [utc('01:00'), utc('01:30'), utc('03:30')])
  t.test(`the boundary at ${iso(boundary)}`, async (t) => {
    const before = smtp.mails.length
    const readers = READERS.filter((reader) => reader.boundary === boundary)
    await time.to(boundary - SHORTLY_BEFORE_MS, daemon)
    const others = READERS.filter((reader) => reader.boundary > boundary)
    for (const { user } of readers)
      for (const id of held.get(user) ?? [])
        t.match(await service.final(id), { status: 'sent', attempts: [] })
    for (const { user } of others)
      for (const id of held.get(user) ?? [])
        t.match(await service.detail(id), { status: 'pending', digest_id: null })
    t.equal(smtp.mails.length, before + readers.length, 'one mail for each whose time has come')
    const late = Math.max(...comings.slice(before).map((local) => time.at(local) - boundary))
    t.comment(`the last was ${Math.round(late)} ms late`)
    t.same(
      comings.slice(before).filter((local) => time.at(local) < boundary),
      [],
      'never early by the clock of the database',
    )
    for (const reader of readers) await t.test(reader.user, (t) => checkDigest(t, reader))
  })

async function checkDigest(t: Test, { user, locale, frequency, boundary }: Reader): Promise<void> {
  const ids = held.get(user) ?? []
  const mails = smtp.mails.filter(
    ({ to, raw }) => to.includes(addressOf(user)) && !raw.includes(`${MARK} title`),
  )
  t.equal(mails.length, 1, 'one mail')
  const mail = readMail(mails[0]?.raw ?? '')
  t.equal(mail.header('subject'), locale === 'zh-CN' ? '您有 3 条新通知' : '3 new notifications')
  for (const type of ['text/html', 'text/plain']) {
    const text = mail.parts.get(type) ?? ''
    for (const item of ITEMS)
      t.equal(text.split(titleOf(user, item)).length - 1, 1, `${type} has ${item} once`)
  }
  t.match(mail.parts.get('text/plain'), /said 1 & more/)

  const { digest_id } = await service.detail(ids[0] ?? '')
  t.match(mail.header('message-id'), digest_id ?? 'no digest')
  const digest = await service.detail(digest_id ?? '')
  t.match(digest, {
    status: 'sent',
    digest: frequency,
    digest_id: null,
    notification_type: 'digest',
    user_id: user,
    template: { version: 0, locale: locale === 'zh-CN' ? 'zh' : 'en' },
  })
  t.same(digest.collected, ids)
  t.equal(digest.attempts.length, 1)
  t.ok(Date.parse(digest.sent_at ?? '') >= boundary)
  for (const id of ids) t.match(await service.detail(id), { digest_id, sent_at: digest.sent_at })
}

t.test('the inbox shows the digest and not what is in it', async (t) => {
  const boundary = utc('04:00')
  await want('mei', 'Asia/Shanghai', 'en', 'hourly')
  const ids: string[] = []
  for (const item of ITEMS)
    ids.push(await service.accepted({ user_id: 'mei', title: titleOf('mei', item), content: 'said' }))
  t.same(await service.all('mei', 'in_app'), [])
  await time.to(boundary - SHORTLY_BEFORE_MS, daemon)
  for (const id of ids) t.match(await service.final(id), { status: 'sent', reason: null })
  const inbox = await service.all('mei', 'in_app')
  t.match(inbox, [{ title: '3 new notifications', digest: 'hourly' }])
  t.equal(inbox.length, 1)
  for (const item of ITEMS) t.match(inbox[0]?.content, titleOf('mei', item))
  t.ok(Date.parse(inbox[0]?.sent_at ?? '') >= boundary)
  const { body } = await service.get('/api/v1/users/mei/unread_count')
  t.match(body, { unread_count: 1 })
})

t.test('the log', async (t) => {
  checkLog(t, daemon)
  const complaints = daemon.lines.filter(({ level }) => level === 'error' || level === 'fatal')
  t.same(complaints, [], 'nothing to complain about')
})
