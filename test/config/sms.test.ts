import t from 'tap'
import { smsOptions } from '../../src/app/sms.js'
import { smsProblems } from '../../src/config/channels/sms.js'
import { loadConfig } from '../../src/config/load.js'

const ALIYUN = {
  ALIYUN_SMS_ACCESS_KEY_ID: 'LTAI',
  ALIYUN_SMS_ACCESS_KEY_SECRET: 'secret',
  ALIYUN_SMS_SIGN_NAME: '示例',
}

const smsOf = (env: Record<string, string>) => loadConfig({ env }).channels.sms

const problemsWith = (env: Record<string, string>): string => {
  try {
    smsOf(env)
  } catch (error) {
    return String(error)
  }
  return ''
}

t.test('without a vendor there is no such channel', async (t) => {
  t.match(smsOf({}), { enabled: false, defaultCountry: 'CN', providers: { aliyun: null, tencent: null } })
})

t.test('a vendor that has its key is there', async (t) => {
  const sms = smsOf(ALIYUN)
  t.match(sms, {
    enabled: true,
    delivery: { timeoutMs: 12_000, tries: 1, slots: 25 },
    providers: { tencent: null },
  })
  t.match(smsOptions(sms), {
    attemptMs: 12_000,
    order: ['aliyun', 'tencent'],
    switching: { successRate: 0.9, windowMs: 60_000, minimumCalls: 10, againAfterMs: 30_000 },
    aliyun: {
      endpoint: new URL('https://dysmsapi.aliyuncs.com'),
      timeoutMs: 10_000,
      slots: 25,
      tenants: null,
      templateCode: null,
      global: null,
    },
    tencent: null,
  })
  const both = smsOf({
    ...ALIYUN,
    ALIYUN_SMS_GLOBAL_ENDPOINT: 'https://dysmsapi.ap-southeast-1.aliyuncs.com',
    ALIYUN_SMS_TENANTS: 'acme, beta',
    TENCENT_SMS_SECRET_ID: 'AKID',
    TENCENT_SMS_SECRET_KEY: 'secret',
    TENCENT_SMS_APP_ID: '1400006666',
    TENCENT_SMS_SIGN_NAME: '示例',
  })
  t.match(both, { delivery: { timeoutMs: 22_000, slots: 50 } }, 'time to ask one after the other')
  t.match(smsOptions(both), {
    aliyun: {
      tenants: ['acme', 'beta'],
      global: { endpoint: new URL('https://dysmsapi.ap-southeast-1.aliyuncs.com'), from: null },
    },
    tencent: { endpoint: new URL('https://sms.tencentcloudapi.com'), region: 'ap-guangzhou' },
  })
})

t.test('half a key is named, and not repeated', async (t) => {
  const message = problemsWith({ ALIYUN_SMS_ACCESS_KEY_ID: 'LTAI', TENCENT_SMS_SECRET_ID: 'AKID' })
  t.match(message, /channels\.sms\.aliyun .*ALIYUN_SMS_ACCESS_KEY_SECRET, ALIYUN_SMS_SIGN_NAME/)
  t.match(message, /channels\.sms\.tencent .*TENCENT_SMS_SECRET_KEY, TENCENT_SMS_APP_ID/)
  t.notMatch(message, /LTAI|AKID/)
})

t.test('a secret without the id of its key', async (t) => {
  const message = problemsWith({ ALIYUN_SMS_ACCESS_KEY_SECRET: 'hush', TENCENT_SMS_SECRET_KEY: 'hush' })
  t.match(message, /channels\.sms\.aliyun .*ALIYUN_SMS_ACCESS_KEY_ID/)
  t.match(message, /channels\.sms\.tencent .*TENCENT_SMS_SECRET_ID/)
  t.notMatch(message, /hush/)
})

t.test('an order names somebody who is there', async (t) => {
  const sms = smsOf(ALIYUN)
  t.same(smsProblems(sms), [])
  t.match(smsProblems({ ...sms, order: [] }), [{ key: 'channels.sms.order', message: /aliyun/ }])
  t.match(smsProblems({ ...sms, order: ['tencent'] }), [{ key: 'channels.sms.order' }])
  t.match(smsProblems({ ...sms, orderByCountry: new Map([['HK', ['tencent']]]) }), [
    { key: 'channels.sms.order_by_country.HK' },
  ])
  t.same(smsProblems({ ...smsOf({}), order: [] }), [], 'without a vendor there is no such channel')
})

t.test('the country must be one', async (t) => {
  t.match(smsProblems({ ...smsOf({}), defaultCountry: 'ZZ' }), [{ key: 'channels.sms.default_country' }])
  t.same(smsProblems(smsOf({})), [])
})
