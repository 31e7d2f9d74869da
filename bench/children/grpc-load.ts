import { loadSync } from '@grpc/proto-loader'
import { sendBody } from '../load/bodies.js'
import { framed, GrpcConnection } from '../load/grpc-connection.js'
import { Latencies } from '../load/latencies.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'
import { userId } from '../stand/token.js'

const PROTO = 'proto/notification/v1/notification_service.proto'
const SERVICE = 'notification.v1.NotificationService'
/** So that no request is for a user of an earlier round. */
let nextUser = 0

answering({ run })

/** Closed loop: so many calls are under way at any time, over a few connections. */
async function run(fields: Fields): Promise<Fields> {
  const [url, token] = [text(fields, 'url'), text(fields, 'token')]
  const connections = Array.from(
    { length: number(fields, 'connections') },
    () => new GrpcConnection(url, `/${SERVICE}/SendNotification`, token),
  )
  const messageOf = messages(text(fields, 'channel'))
  const latencies = new Latencies()
  let refused = 0
  const began = performance.now()
  const until = began + number(fields, 'seconds') * 1000
  const caller = async (connection: GrpcConnection): Promise<void> => {
    for (let now = performance.now(); now < until; ) {
      const ok = await connection.call(messageOf(nextUser++))
      const answered = performance.now()
      if (ok) latencies.record(answered - now)
      else refused += 1
      now = answered
    }
  }
  const callers = Array.from({ length: number(fields, 'underWay') }, (_, n) => {
    const connection = connections[n % connections.length]
    if (connection === undefined) throw new Error('there is no connection')
    return caller(connection)
  })
  await Promise.all(callers)
  for (const connection of connections) connection.close()
  const { p50, p99, max } = latencies.summary()
  const perSecond = (latencies.count * 1000) / (performance.now() - began)
  return { answered: latencies.count, perSecond, p50, p99, max, refused }
}

/** The same as over HTTP, to another user each time. */
function messages(channel: string): (user: number) => Buffer {
  const service = loadSync(PROTO, { keepCase: true })[SERVICE]
  const method = service === undefined || 'format' in service ? undefined : service.SendNotification
  if (method === undefined || typeof method === 'string') throw new Error(`${PROTO} has no SendNotification`)
  const { metadata, ...body } = JSON.parse(sendBody(channel, 0, 0))
  const template = framed(
    method.requestSerialize({
      ...body,
      channel: `CHANNEL_${channel.toUpperCase()}`,
      priority: 'PRIORITY_HIGH',
      metadata: { fields: { mark: { stringValue: metadata.mark } } },
    }),
  )
  const at = template.indexOf(userId(0))
  return (user) => {
    const message = Buffer.from(template)
    message.write(userId(user), at, 'latin1')
    return message
  }
}
