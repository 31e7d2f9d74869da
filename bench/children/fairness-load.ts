import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { HttpConnection, requests } from '../load/http-connection.js'
import { Latencies } from '../load/latencies.js'
import { paced } from '../load/pacing.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'
import { portOf } from '../stand/port.js'

const OK = 200
const CONNECTIONS = 20
const LOST_AFTER_MS = 60_000
/** Of each webhook, as long as somebody's server needs who is neither near nor far. */
const ANSWERS_AFTER_MS = 20
const DIGITS = 15

/** By mark: when the message was to be sent. */
const due = new Map<number, number>()
const latencies = { current: new Latencies() }
let nextMark = 0
let refused = 0
let campaign = 0

answering({ listen, run, received: () => ({ campaign }) })

/** Takes the webhooks of the campaign at `/campaign`, and those that are measured at `/<mark>`. */
async function listen(): Promise<Fields> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume()
    const mark = Number(request.url?.slice(1))
    const at = due.get(mark)
    if (at !== undefined) {
      due.delete(mark)
      latencies.current.record(performance.now() - at)
    } else campaign += 1
    setTimeout(() => response.writeHead(204).end(), ANSWERS_AFTER_MS)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: portOf(server.address()) }
}

/** Sends by schedule, from the time it was due to be posted to the call at the receiver. */
async function run(fields: Fields): Promise<Fields> {
  const [url, rate] = [new URL(text(fields, 'url')), number(fields, 'rate')]
  const hooks = `http://127.0.0.1:${number(fields, 'port')}`
  const tenant = text(fields, 'tenant')
  const requestOf = requests(url, '/api/v1/notifications/send', text(fields, 'token'), (mark) =>
    JSON.stringify({
      tenant_id: tenant,
      user_id: `user-${String(mark).padStart(DIGITS, '0')}`,
      channel: 'webhook',
      title: 'Your new password',
      content: 'You can choose it within the hour.',
      metadata: { webhook_url: `${hooks}/${String(mark).padStart(DIGITS, '0')}` },
    }),
  )
  latencies.current = new Latencies()
  refused = 0
  const idle: HttpConnection[] = []
  const onAnswer = (status: number, connection: HttpConnection): void => {
    if (status !== OK) refused += 1
    idle.push(connection)
  }
  for (let n = 0; n < CONNECTIONS; n += 1) idle.push(await HttpConnection.open(url, onAnswer))
  await paced(rate, rate * number(fields, 'seconds'), (_, at) => {
    const mark = nextMark++
    const connection = idle.pop()
    if (connection === undefined) throw new Error('too few connections')
    due.set(mark, at)
    connection.send(requestOf(mark))
  })
  const until = performance.now() + LOST_AFTER_MS
  while (due.size > 0 && performance.now() < until) await delay(10)
  const lost = due.size
  due.clear()
  for (const connection of idle) connection.close()
  return { ...latencies.current.summary(), lost, refused }
}
