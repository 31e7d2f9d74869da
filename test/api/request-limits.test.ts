import t from 'tap'
import { serve, VALID } from './support.js'

t.test('bodies are bounded as configured, batches by a limit of their own', async (t) => {
  const requestLimits = { bodyLimitBytes: 2_000, batchBodyLimitBytes: 4_000, requestTimeoutMs: 30_000 }
  const client = await serve(t, { requestLimits })
  const { user_id: _, ...rest } = VALID
  const send = (length: number) =>
    client.call('POST', '/api/v1/notifications/send', { body: { ...VALID, content: 'x'.repeat(length) } })
  const batch = (length: number) =>
    client.call('POST', '/api/v1/notifications/batch', {
      body: { ...rest, user_ids: ['a'], content: 'x'.repeat(length) },
    })
  t.match(await send(1_000), { status: 200 })
  t.match(await send(2_000), { status: 413, body: { code: 'payload_too_large' } })
  t.match(await batch(3_000), { status: 200 })
  t.match(await batch(4_000), { status: 413, body: { code: 'payload_too_large' } })
  const recipients = [{ user_id: 'a', name: 'x'.repeat(4_000) }]
  t.match(await client.call('POST', '/api/v1/recipients', { body: { recipients } }), { status: 413 })
})

t.test('so is the time that a request may take to come in', async (t) => {
  const requestLimits = { bodyLimitBytes: 2_000, batchBodyLimitBytes: 4_000, requestTimeoutMs: 5_000 }
  const { server } = (await serve(t, { requestLimits })).api
  t.equal(server.requestTimeout, 5_000)
  t.equal(server.headersTimeout, 5_000, 'headers have no more than the whole')
})
