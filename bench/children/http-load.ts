import { sendBody, templateBody } from '../load/bodies.js'
import { HttpConnection, requests } from '../load/http-connection.js'
import { Latencies } from '../load/latencies.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'

const OK = 200
/** So that no request is for a user of an earlier round. */
let nextUser = 0

answering({ run })

/** Closed loop: each connection sends its next request when it has the answer. */
async function run(fields: Fields): Promise<Fields> {
  const url = new URL(text(fields, 'url'))
  const channel = text(fields, 'channel')
  // 0: a text of its own to a user of its own; else the template, to one of so many.
  const users = number(fields, 'users')
  const requestOf = requests(url, '/api/v1/notifications/send', text(fields, 'token'), (n) =>
    users === 0 ? sendBody(channel, n, n) : templateBody(channel, Math.floor(Math.random() * users)),
  )
  const latencies = new Latencies()
  let refused = 0
  let open = 0
  let over: () => void = () => undefined
  const done = new Promise<void>((resolve) => {
    over = resolve
  })
  const began = performance.now()
  const until = began + number(fields, 'seconds') * 1000

  const next = (connection: HttpConnection, now: number): void => {
    connection.startedAt = now
    connection.send(requestOf(nextUser++))
  }
  const onAnswer = (status: number, connection: HttpConnection): void => {
    const now = performance.now()
    if (status === OK) latencies.record(now - connection.startedAt)
    else refused += 1
    if (now < until) next(connection, now)
    else {
      open -= 1
      connection.close()
      if (open === 0) over()
    }
  }
  const connections = await Promise.all(
    Array.from({ length: number(fields, 'connections') }, () => HttpConnection.open(url, onAnswer)),
  )
  open = connections.length
  for (const connection of connections) next(connection, performance.now())
  await done
  const { p50, p99, max } = latencies.summary()
  const perSecond = (latencies.count * 1000) / (performance.now() - began)
  return { answered: latencies.count, perSecond, p50, p99, max, refused }
}
