import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { markIn, mixedBody } from '../load/bodies.js'
import { HttpConnection, requests } from '../load/http-connection.js'
import { Latencies } from '../load/latencies.js'
import { openSockets } from '../load/open-sockets.js'
import { paced } from '../load/pacing.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'
import { portOf } from '../stand/port.js'

const OK = 200
const CONNECTIONS = 60
const LOST_AFTER_MS = 5_000
const MEASURED = ['websocket', 'webhook'] as const

interface Target {
  readonly url: URL
  readonly token: string
  readonly users: number
  readonly idle: HttpConnection[]
}

const targets = new Map<string, Target>()
/** By mark: when the message was to be sent, and where its latency goes. */
const due = new Map<number, { readonly at: number; readonly latencies: Latencies }>()
const waiting: string[] = []
let nextMark = 0
let refused = 0
const hooks = createServer((request, response) => {
  void read(request).then((body) => {
    received(markIn(body, 0, body.length))
    response.writeHead(204).end()
  })
})
hooks.listen(0, '127.0.0.1')
await once(hooks, 'listening')
const hookUrl = `http://127.0.0.1:${portOf(hooks.address())}/hooks`

answering({ open, run })

/** Opens the users' sockets at a service, and the connections to post over. */
async function open(fields: Fields): Promise<Fields> {
  const url = new URL(text(fields, 'url'))
  const target = { url, token: text(fields, 'token'), users: number(fields, 'users'), idle: [] }
  targets.set(url.host, target)
  const onAnswer = (status: number, connection: HttpConnection): void => {
    if (status !== OK) refused += 1
    const next = waiting.shift()
    if (next === undefined) targets.get(url.host)?.idle.push(connection)
    else connection.send(next)
  }
  for (let n = 0; n < CONNECTIONS; n += 1)
    targets.get(url.host)?.idle.push(await HttpConnection.open(url, onAnswer))
  await openSockets(url, 0, target.users, (bytes, start, end) => received(markIn(bytes, start, end)))
  return {}
}

/** Each channel at a rate of its own; latencies of those that come back to this process. */
async function run(fields: Fields): Promise<Fields> {
  const target = targets.get(new URL(text(fields, 'url')).host)
  if (target === undefined) throw new Error('the sockets are not open')
  const seconds = number(fields, 'seconds')
  const measured = { websocket: new Latencies(), webhook: new Latencies() }
  refused = 0
  const drive = (channel: 'websocket' | 'webhook' | 'email'): Promise<void> => {
    const rate = number(fields, channel)
    const requestOf = requests(target.url, '/api/v1/notifications/send', target.token, (mark) =>
      mixedBody(channel, mark % target.users, mark, hookUrl),
    )
    return paced(rate, rate * seconds, (_, at) => {
      const mark = nextMark++
      if (channel !== 'email') due.set(mark, { at, latencies: measured[channel] })
      const connection = target.idle.pop()
      if (connection === undefined) waiting.push(requestOf(mark))
      else connection.send(requestOf(mark))
    })
  }
  await Promise.all([...MEASURED, 'email' as const].map(drive))
  const until = performance.now() + LOST_AFTER_MS
  while (due.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10))
  const lost = due.size
  due.clear()
  return {
    lost,
    refused,
    websocket: measured.websocket.summary().p99,
    webhook: measured.webhook.summary().p99,
  }
}

function received(mark: number): void {
  const expected = due.get(mark)
  if (expected === undefined) return
  due.delete(mark)
  expected.latencies.record(performance.now() - expected.at)
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}
