import t from 'tap'
import { GrpcClient } from '../api/grpc-support.js'
import { startDaemon } from '../support/daemon.js'
import { generated } from '../support/generated-client.js'

t.test('what is sent over gRPC is read over HTTP, and the other way round', async (t) => {
  const files = await generated(t)
  const daemon = await startDaemon(t)
  const { grpc_url: url } = await daemon.logged('service.ready')
  if (typeof url !== 'string') throw new Error('the daemon does not say where gRPC listens')
  const sender = new GrpcClient(url, files, await daemon.token('service', ['sender']))
  const ada = new GrpcClient(url, files, await daemon.token('ada', ['user']))
  t.teardown(() => {
    sender.close()
    ada.close()
  })
  const notification = {
    tenant_id: 'acme',
    user_id: 'ada',
    channel: 'CHANNEL_IN_APP',
    title: 'Hello {{ name }}',
    content: '{{ items[1] }}',
    variables: { name: 'Ada', items: ['one', 'two'] },
    metadata: { order: 7 },
  }
  const { message } = await sender.call('SendNotification', notification, {
    metadata: { 'idempotency-key': 'k1' },
  })
  t.match(message, { id: /^notif_/, status: 'STATUS_SENT' })

  const http = await daemon.client('ada', ['user'])
  const { body } = await http.get('/api/v1/users/ada/notifications')
  t.match(body, { notifications: [{ title: 'Hello Ada', content: 'two', metadata: { order: 7 } }] })

  t.match(await ada.call('GetUnreadCount', { user_id: 'ada' }), { message: { unread_count: 1 } })
  t.match(await ada.call('GetUserNotifications', { user_id: 'ada' }), {
    message: { notifications: [{ title: 'Hello Ada', status: 'STATUS_SENT', channel: 'CHANNEL_IN_APP' }] },
  })
  t.match(await ada.refusal('GetUnreadCount', { user_id: 'bob' }), { code: 'forbidden' })

  // The same request with the same key, by the other protocol.
  const again = await (await daemon.sender()).post(
    '/api/v1/notifications/send',
    { ...notification, channel: 'in_app' },
    { 'idempotency-key': 'k1' },
  )
  t.match(again.body, { id: Object(message).id })
  t.match(await sender.call('GetUnreadCount', { user_id: 'ada' }), { message: { unread_count: 1 } })

  t.match(await daemon.term(), { code: 0 })
})
