import t from 'tap'
import { openChannelsOf, streamOptions } from '../../src/app/options.js'
import { loadConfig } from '../../src/config/load.js'

const SMS = {
  ALIYUN_SMS_ACCESS_KEY_ID: 'id',
  ALIYUN_SMS_ACCESS_KEY_SECRET: 'secret',
  ALIYUN_SMS_SIGN_NAME: 'Acme',
}

t.test('text messages and push are there once a provider is', async (t) => {
  t.same([...openChannelsOf(loadConfig({ env: {} }))('acme')], ['email', 'websocket', 'webhook', 'in_app'])
  t.ok(openChannelsOf(loadConfig({ env: SMS }))('acme').has('sms'))
})

t.test('a channel is opened to listed tenants first', async (t) => {
  const channels = openChannelsOf(loadConfig({ env: { ...SMS, SMS_TENANTS: 'acme, beta' } }))
  t.ok(channels('acme').has('sms'))
  t.ok(channels('beta').has('sms'))
  t.notOk(channels('other').has('sms'))
  t.ok(channels('other').has('email'))
})

t.test('a chain of fallbacks leaves out what is not open to the tenant', async (t) => {
  const env = {
    ...SMS,
    WEBSOCKET_FALLBACK: 'sms',
    SMS_FALLBACK: 'email',
    EMAIL_FALLBACK: 'in_app',
    SMS_TENANTS: 'acme',
  }
  const { channels } = streamOptions(loadConfig({ env }))
  t.equal(channels.websocket.fallbackFor('acme'), 'sms')
  t.equal(channels.websocket.fallbackFor('other'), 'email')
  t.equal(channels.sms.fallbackFor('acme'), 'email')
  t.equal(channels.email.fallbackFor('acme'), 'in_app')
  t.equal(channels.webhook.fallbackFor('acme'), null)
})
