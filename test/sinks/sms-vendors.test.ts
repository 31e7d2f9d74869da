import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import {
  aMessage,
  failureOf,
  MOBILE,
  NEVER,
  startAliyun,
  startTencent,
  VENDORS,
} from '../support/sms/vendors.js'

const vendorText = {
  codes: { aliyun: 'SMS_154950909', tencent: '1800308' },
  params: [
    ['code', '1234'],
    ['name', "O'Brien & 张 (*)!"],
  ],
} as const

t.test('aliyun', async (t) => {
  const { vendor, provider } = await startAliyun(t)
  t.same(await provider.send(aMessage(), NEVER), { providerId: '9006195027^0' })
  const { id, text } = aMessage()
  const sent = { number: '13800138000', sign: '示例', id, text: null }
  t.same(vendor.messages[0], { ...sent, template: 'SMS_1', params: JSON.stringify({ content: text }) })
  await provider.send(aMessage({ vendorText }), NEVER)
  const params = JSON.stringify(Object.fromEntries(vendorText.params))
  t.same(vendor.messages[1], { ...sent, template: 'SMS_154950909', params }, 'by the code of its own')
  await provider.send(aMessage({ number: '+85291234567', country: 'HK' }), NEVER)
  t.match(vendor.messages[2], { number: '85291234567', template: 'SMS_1' }, 'abroad, by a template')
  await vendor.quiet()
  t.equal(vendor.connections, 3, 'a connection for each')
})

t.test('aliyun, texts as they are abroad', async (t) => {
  const { vendor } = await startAliyun(t)
  const endpoint = new URL(`https://dysmsapi.ap-southeast-1.test:${vendor.port}`)
  const { provider } = await startAliyun(t, undefined, {
    global: { endpoint, from: 'Example' },
    templateCode: null,
  })
  const abroad = aMessage({ number: '+85291234567', country: 'HK', vendorText })
  t.same(await provider.send(abroad, NEVER), { providerId: '1008' })
  const { id, text } = abroad
  t.same(vendor.messages, [{ number: '85291234567', template: null, params: '', text, sign: 'Example', id }])
  vendor.behave = () => ({ code: 'isv.OUT_OF_SERVICE' })
  t.match(await failureOf(provider.send(abroad, NEVER)), { code: 'account_refused' })
  t.match(
    await failureOf(provider.send(aMessage(), NEVER)),
    { code: 'template_refused' },
    'not in the mainland',
  )
})

t.test('tencent', async (t) => {
  const { vendor, provider } = await startTencent(t)
  t.same(await provider.send(aMessage(), NEVER), { providerId: '5000:1045710669157053657849499619' })
  t.equal(vendor.encodings, 'identity', 'an answer that can be read without a thread')
  const { id, text } = aMessage()
  const sent = { number: MOBILE, sign: '示例', id, text: null }
  t.same(vendor.messages[0], { ...sent, template: '449739', params: JSON.stringify([text]) })
  await provider.send(aMessage({ vendorText }), NEVER)
  const params = JSON.stringify(['1234', "O'Brien & 张 (*)!"])
  t.same(
    vendor.messages[1],
    { ...sent, template: '1800308', params },
    'by the code of its own, values in order',
  )
  await provider.send(aMessage({ number: '+85291234567', country: 'HK' }), NEVER)
  t.match(
    vendor.messages[2],
    { number: '+85291234567', sign: null },
    'abroad without the signature of the mainland',
  )
  await vendor.quiet()
})

for (const [name, start] of Object.entries(VENDORS)) {
  t.test(`${name} without a code for a text`, async (t) => {
    const { vendor, provider } = await start(t, undefined, { templateCode: null, templateId: null })
    const other = { codes: { somebody: 'X' }, params: [] }
    const failure = await failureOf(provider.send(aMessage({ vendorText: other }), NEVER))
    t.match(failure, { code: 'template_refused', retryable: false, message: `no template code for ${name}` })
    t.equal(vendor.connections, 0, 'it is not asked')
  })

  t.test(`${name} with a key that is not right`, async (t) => {
    const wrong = { accessKeySecret: 'another', secretKey: 'another' }
    const { vendor, provider } = await start(t, undefined, wrong)
    const failure = await failureOf(provider.send(aMessage(), NEVER))
    t.match(failure, { code: 'account_refused', retryable: true, uncertain: false, message: /Signature/ })
    t.equal(vendor.messages.length, 0)
  })
}

t.test('without TLS, for a relay of your own', async (t) => {
  const relay = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"Code":"OK","BizId":"1"}'))
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const address = relay.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const endpoint = new URL(`http://dysmsapi.test:${port}`)
  const { provider } = await startAliyun(t, undefined, { endpoint })
  t.same(await provider.send(aMessage(), NEVER), { providerId: '1' })
  relay.removeAllListeners('request').on('request', (request) => request.socket.destroy())
  t.match(await failureOf(provider.send(aMessage(), NEVER)), { uncertain: true })
  relay.close()
  await once(relay, 'close')
  t.match(await failureOf(provider.send(aMessage(), NEVER)), { uncertain: false, code: 'connection_failed' })
})
