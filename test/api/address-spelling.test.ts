import t from 'tap'
import { type MessageRules, readMessage } from '../../src/api/requests/message.js'
import { readRecipients } from '../../src/api/requests/recipients.js'
import { spelledPhone } from '../../src/sinks/sms/phone.js'
import { options } from './support.js'

const rules: MessageRules = {
  ...options().rules,
  spelled: (metadata) => spelledPhone(metadata, 'CN'),
}
const NATIONAL = { phone: '138 0013 8000' }
const E164 = { phone: '+8613800138000' }
const text = { tenant_id: 't1', channel: 'sms', title: 'Hello', content: 'World' } as const

t.test('a number is known by one spelling, whoever of a batch it belongs to', async (t) => {
  t.same(readMessage({ ...text, metadata: NATIONAL }, null, rules).metadata, E164)
  const mail = { ...text, channel: 'email', metadata: NATIONAL } as const
  t.same(readMessage(mail, null, rules).metadata, E164, 'a fallback may go there')
  const body = { ...text, recipients: [{ user_id: 'ada', metadata: NATIONAL }, { user_id: 'bob' }] }
  const recipients = readRecipients(body, readMessage({ ...text, metadata: NATIONAL }, null, rules), rules)
  t.same(
    recipients.map(({ message }) => message.metadata),
    [E164, E164],
  )
})
