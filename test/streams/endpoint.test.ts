import t from 'tap'
import type { JsonObject } from '../../src/model/json.js'
import { namedEndpoints } from '../../src/streams/endpoint.js'
import { unjudged } from '../../src/streams/envelope.js'
import { anEnvelope } from '../support/envelope.js'

const URL_A = 'https://hooks.example.org/a'
const stage = namedEndpoints({
  urls: async (keys) =>
    keys.map(({ tenantId, id }) => (tenantId === 'acme' && id === 'whe_a' ? URL_A : null)),
})
const judge = async (metadata: JsonObject, tenantId = 'acme') => {
  const [verdict] = await stage.check([unjudged(anEnvelope({ metadata, tenantId }))])
  return verdict
}

t.test('the URL takes the place of the name, also of another URL', async (t) => {
  const expected = {
    kind: 'pass',
    notification: { metadata: { webhook_endpoint: 'whe_a', webhook_url: URL_A } },
  }
  t.match(await judge({ webhook_endpoint: 'whe_a' }), expected)
  t.match(await judge({ webhook_endpoint: 'whe_a', webhook_url: 'https://other.example.org/' }), expected)
  t.same(await judge({ webhook_endpoint: 'whe_a', webhook_url: URL_A }), { kind: 'pass' })
})

t.test('a name of nothing is refused', async (t) => {
  for (const [name, tenantId] of [
    ['whe_b', 'acme'],
    ['whe_a', 'other'],
    [7, 'acme'],
    ['', 'acme'],
    [null, 'acme'],
  ] as const) {
    const verdict = await judge({ webhook_endpoint: name, webhook_url: URL_A }, tenantId)
    t.match(verdict, {
      kind: 'reject',
      failure: { code: 'invalid_address', errors: [{ field: '/metadata/webhook_endpoint' }] },
    })
  }
})

t.test('whom it concerns', async (t) => {
  const concerns = (channel: 'webhook' | 'email', metadata: JsonObject) =>
    stage.concerns(unjudged(anEnvelope({ channel, metadata })))
  t.equal(concerns('webhook', { webhook_endpoint: 'whe_a' }), true)
  t.equal(concerns('webhook', { webhook_url: URL_A }), false)
  t.equal(concerns('email', { webhook_endpoint: 'whe_a' }), false)
})
