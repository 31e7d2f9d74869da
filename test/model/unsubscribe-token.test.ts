import fc from 'fast-check'
import t from 'tap'
import { notificationId } from '../../src/model/id.js'
import { CHANNELS } from '../../src/model/notification.js'
import {
  LONGEST_TOKEN,
  readUnsubscribeToken,
  type UnsubscribeLink,
  writeUnsubscribeToken,
} from '../../src/model/unsubscribe-token.js'
import { UNSUBSCRIBE_SECRET as SECRET } from '../support/unsubscribe.js'

const LINK: UnsubscribeLink = {
  tenantId: 'acme',
  userId: 'ada',
  notificationType: 'marketing.sale',
  channel: 'email',
  notificationId: notificationId(1_800_000_000_000),
}
const TOKEN = writeUnsubscribeToken(LINK, SECRET)
const SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What the API takes for the id of a tenant or a user: characters, not controls. */
const name = fc
  .string({ minLength: 1, maxLength: 64, unit: 'binary' })
  .filter((text) => !/\p{Cc}/u.test(text))
const links = fc.record({
  tenantId: name,
  userId: name,
  notificationType: fc.stringMatching(/^[a-z0-9_.-]{1,64}$/),
  channel: fc.constantFrom(...CHANNELS),
  notificationId: fc.nat().map(notificationId),
})

t.test('says again what was written, for every name that there may be', async (t) => {
  fc.assert(
    fc.property(links, fc.string(), (link, secret) => {
      const token = writeUnsubscribeToken(link, secret)
      return (
        /^[\w.-]+$/.test(token) &&
        token.length <= LONGEST_TOKEN &&
        JSON.stringify(readUnsubscribeToken(token, secret)) === JSON.stringify(link)
      )
    }),
  )
  t.same(readUnsubscribeToken(TOKEN, SECRET), LINK)
})

t.test('is short where names are in ASCII, and never too long to be read', async (t) => {
  const longest = (sign: string): UnsubscribeLink => ({
    ...LINK,
    tenantId: sign.repeat(64),
    userId: sign.repeat(64),
    notificationType: 'x'.repeat(64),
    channel: 'websocket',
  })
  t.ok(writeUnsubscribeToken(longest('x'), SECRET).length <= 512)
  for (const sign of ['"', '账', '\u{1f600}']) {
    const link = longest(sign)
    t.same(readUnsubscribeToken(writeUnsubscribeToken(link, SECRET), SECRET), link)
  }
})

t.test('is the same at every attempt', async (t) => {
  t.equal(writeUnsubscribeToken({ ...LINK }, SECRET), TOKEN)
})

t.test('holds no more than the link: whoever decodes it finds no address', async (t) => {
  const [, payload = ''] = TOKEN.split('.')
  t.same(JSON.parse(Buffer.from(payload, 'base64url').toString()), [
    LINK.notificationId,
    'acme',
    'ada',
    'marketing.sale',
    'email',
  ])
})

t.test('is void when any of its characters is another, is missing or comes twice', async (t) => {
  for (let at = 0; at < TOKEN.length; at += 1) {
    const [before, after] = [TOKEN.slice(0, at), TOKEN.slice(at + 1)]
    for (const sign of [...SIGNS, '.', '=', '+', '/', ' ', '\n', 'é', '\u0000']) {
      if (sign === TOKEN[at]) continue
      if (readUnsubscribeToken(before + sign + after, SECRET) !== null) t.fail(`${at} ${sign}`)
    }
    t.equal(readUnsubscribeToken(before + after, SECRET), null, `without ${at}`)
    t.equal(readUnsubscribeToken(before, SECRET), null, `the first ${at}`)
    t.equal(readUnsubscribeToken(TOKEN.slice(0, at + 1) + TOKEN.slice(at), SECRET), null, `${at} twice`)
  }
})

t.test('is void when it was signed with another secret, for another payload, or not at all', async (t) => {
  const other = writeUnsubscribeToken({ ...LINK, tenantId: 'other' }, SECRET)
  const [version, payload, mac] = TOKEN.split('.')
  const [, otherPayload, otherMac] = other.split('.')
  for (const forged of [
    writeUnsubscribeToken(LINK, `${SECRET}x`),
    writeUnsubscribeToken(LINK, ''),
    `${version}.${otherPayload}.${mac}`,
    `${version}.${payload}.${otherMac}`,
    `${version}.${payload}.`,
    `${version}.${payload}`,
    `2.${payload}.${mac}`,
    `${TOKEN}=`,
    `${TOKEN}\n`,
    `${TOKEN}${'A'.repeat(LONGEST_TOKEN)}`,
    '',
    '..',
    'x'.repeat(1_000_000),
  ])
    t.equal(readUnsubscribeToken(forged, SECRET), null, forged.slice(0, 80))
  t.same(readUnsubscribeToken(other, SECRET), { ...LINK, tenantId: 'other' })
})

t.test('garbage is void and never throws', async () => {
  const garbage = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc
      .array(fc.constantFrom('1', '.', 'e30', 'A', '_', '-', '='.repeat(3), 'A'.repeat(43)))
      .map((a) => a.join('')),
  )
  fc.assert(fc.property(garbage, (text) => readUnsubscribeToken(text, SECRET) === null))
})
