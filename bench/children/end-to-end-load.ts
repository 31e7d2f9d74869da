import { setTimeout as delay } from 'node:timers/promises'
import { markIn, sendBody } from '../load/bodies.js'
import { HttpConnection, requests } from '../load/http-connection.js'
import { Latencies } from '../load/latencies.js'
import { openSockets } from '../load/open-sockets.js'
import { paced as pacedBy } from '../load/pacing.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'

const OK = 200
const CONNECTIONS = 100
const LOST_AFTER_MS = 5_000

interface Target {
  readonly users: number
  /** By mark: when the message was to be sent. */
  readonly due: Map<number, number>
  send(mark: number): void
  onReceived: (latencyMs: number) => void
}

const targets = new Map<string, Target>()
let nextMark = 0
let refused = 0

answering({ open, paced, windowed })

/** Opens the connections to post over at a service, and the users' sockets there or at another instance of it. */
async function open(fields: Fields): Promise<Fields> {
  const url = new URL(text(fields, 'url'))
  const users = number(fields, 'users')
  const first = number(fields, 'first')
  const requestOf = requests(url, '/api/v1/notifications/send', text(fields, 'token'), (n) =>
    sendBody('websocket', first + (n % users), n),
  )
  const idle: HttpConnection[] = []
  const waiting: number[] = []
  const onAnswer = (status: number, connection: HttpConnection): void => {
    if (status !== OK) refused += 1
    const next = waiting.shift()
    if (next === undefined) idle.push(connection)
    else connection.send(requestOf(next))
  }
  for (let n = 0; n < CONNECTIONS; n += 1) idle.push(await HttpConnection.open(url, onAnswer))
  const target: Target = {
    users,
    due: new Map(),
    send: (mark) => {
      const connection = idle.pop()
      if (connection === undefined) waiting.push(mark)
      else connection.send(requestOf(mark))
    },
    onReceived: () => undefined,
  }
  await openSockets(new URL(socketsUrl(fields)), first, users, (bytes, start, end) => {
    const mark = markIn(bytes, start, end)
    const due = target.due.get(mark)
    if (due === undefined) return
    target.due.delete(mark)
    target.onReceived(performance.now() - due)
  })
  targets.set(nameOf(fields), target)
  return {}
}

/** Messages are sent by schedule, and their latency counts from the time by schedule. */
async function paced(fields: Fields): Promise<Fields> {
  const target = targetOf(fields)
  const rate = number(fields, 'rate')
  const total = rate * number(fields, 'seconds')
  const latencies = new Latencies()
  refused = 0
  const all = new Promise<void>((resolve) => {
    target.onReceived = (latency) => {
      latencies.record(latency)
      if (latencies.count === total) resolve()
    }
  })
  await pacedBy(rate, total, (_, at) => {
    target.due.set(nextMark, at)
    target.send(nextMark++)
  })
  const late = new AbortController()
  await Promise.race([all, delay(LOST_AFTER_MS, undefined, { signal: late.signal }).catch(() => undefined)])
  late.abort()
  const lost = target.due.size
  target.due.clear()
  return { ...latencies.summary(), lost, refused }
}

/** As many as go through while a fixed number is under way. */
async function windowed(fields: Fields): Promise<Fields> {
  const target = targetOf(fields)
  const seconds = number(fields, 'seconds')
  const began = performance.now()
  const until = began + seconds * 1000
  let received = 0
  const send = (): void => {
    target.due.set(nextMark, performance.now())
    target.send(nextMark++)
  }
  target.onReceived = () => {
    if (performance.now() >= until) return
    received += 1
    send()
  }
  for (let n = 0; n < number(fields, 'window'); n += 1) send()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  return { perSecond: received / seconds }
}

function targetOf(fields: Fields): Target {
  const target = targets.get(nameOf(fields))
  if (target === undefined) throw new Error('the sockets are not open')
  return target
}

const socketsUrl = (fields: Fields): string =>
  fields.sockets === undefined ? text(fields, 'url') : text(fields, 'sockets')

const nameOf = (fields: Fields): string => `${text(fields, 'url')} ${socketsUrl(fields)}`
