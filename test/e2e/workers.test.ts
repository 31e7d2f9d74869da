import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { request } from 'undici'
import { isAlive } from '../../src/state/postgres/embedded-pidfile.js'
import { answerSlowly, FILE_TIMEOUT_MS } from '../support/chaos.js'
import { Daemon, startDaemon } from '../support/daemon.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { hasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'
import { metric, readyWorkers, workersOf } from '../support/workers.js'

t.setTimeout(FILE_TIMEOUT_MS)

const WORKERS = 3
const SLOTS = 10

const stack = await startStack(t)
const folder = await mkdtemp(join(tmpdir(), 'notification-workers-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const CONFIG_FILE = join(folder, 'config.yaml')
await writeFile(CONFIG_FILE, JSON.stringify(hasty({ slots: SLOTS })))

const settings = { WEBHOOK_ALLOW_PRIVATE: 'true', LOG_LEVEL: 'debug', WORKERS: `${WORKERS}`, CONFIG_FILE }
const daemon = await startDaemon(t, { env: { ...stack.env, ...settings } })
await readyWorkers(daemon, WORKERS)
const service = await daemon.sender()
const receiver = await WebhookReceiver.start(t, answerSlowly)
const load = new Load(service, receiver.target, 2)

/** Over a connection of its own. */
async function plainRequest(): Promise<number> {
  const { statusCode, body } = await request(`${daemon.url}/api/v1/notifications/send`, {
    method: 'POST',
    reset: true,
    headers: { authorization: `Bearer ${service.caller.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(service.message({ user_id: 'eve' })),
  })
  await body.dump()
  return statusCode
}

t.test('one port, and every worker behind it', async (t) => {
  const ready = daemon.lines.filter(({ event }) => event === 'service.ready')
  t.same(
    ready.map(({ url }) => url),
    Array(WORKERS).fill(daemon.url),
  )
  t.equal(new Set(ready.map(({ grpc_url }) => grpc_url)).size, 1, 'for gRPC, too')
  await load.more(100)
  const accepting = () => daemon.lines.filter(({ event }) => event === 'notification.accepted')
  await eventually(async () => new Set(accepting().map(({ pid }) => pid)).size === WORKERS, 'all to accept')
  t.equal(await metric(service, 'notification_workers'), WORKERS)
})

t.test('killed in the middle of it, a worker is replaced', async (t) => {
  const [victim = 0, ...others] = workersOf(daemon)
  const before = await metric(service, 'notification_accepted_total', 'webhook')
  process.kill(victim, 'SIGKILL')
  const died = await daemon.logged('worker.died')
  t.match(died, { worker_pid: victim, signal: 'SIGKILL', pid: daemon.pid })
  const now = await readyWorkers(daemon, WORKERS)
  t.same(now.slice(0, 2), others, 'the others go on')
  await load.more(50)
  const after = await metric(service, 'notification_accepted_total', 'webhook')
  t.ok(after > before, `what it had counted still counts: ${before}, then ${after}`)
})

t.test('SIGHUP puts new workers in the place of all, and no request is refused', async (t) => {
  await load.stop()
  const token = await daemon.token('ada', ['user'])
  const device = await Device.connect(t, daemon.url, token)
  t.equal(await metric(service, 'notification_websocket_connections'), 1)
  const former = workersOf(daemon)
  const counted = await metric(service, 'notification_accepted_total', 'webhook')
  const statuses: number[] = []
  let renewed = false
  const asking = async (): Promise<void> => {
    while (!renewed) {
      statuses.push(await plainRequest())
      // Not so often that the new ones have no time to start.
      await delay(20)
    }
  }
  const askers = Promise.all([asking(), asking()])
  daemon.signal('SIGHUP')
  await daemon.logged('supervisor.renewed')
  renewed = true
  await askers
  t.ok(statuses.length > 10)
  t.same(new Set(statuses), new Set([200]), `${statuses.length} requests`)
  const present = await readyWorkers(daemon, WORKERS)
  t.same(
    present.filter((pid) => former.includes(pid)),
    [],
  )
  t.equal(await metric(service, 'notification_accepted_total', 'webhook'), counted, 'none of it is forgotten')
  t.match(await device.end(), { code: 1001 }, 'a socket is closed with a reason')
  const again = await Device.connect(t, daemon.url, token)
  const id = await service.accepted({ channel: 'websocket' })
  await again.got((frame) => frame.id === id, 'what is sent thereafter')
})

t.test('of what was accepted nothing is lost', async (t) => {
  const counts = await outcomes(service, 'ada', load.accepted)
  t.same(counts, { sent: load.accepted.size })
  t.same(
    [...load.accepted].filter((id) => receiver.times(id) === 0),
    [],
  )
  t.ok(receiver.duplicates <= SLOTS, `${receiver.duplicates} twice, of at most ${SLOTS}`)
  t.equal(await metric(service, 'notification_workers'), WORKERS)
})

t.test('SIGUSR2 reaches all', async (t) => {
  daemon.signal('SIGUSR2')
  const changed = () => daemon.lines.filter(({ event }) => event === 'service.log_level_changed')
  await eventually(async () => changed().length === WORKERS + 1, 'all to say so')
  t.same(new Set(changed().map(({ pid }) => pid)), new Set([daemon.pid, ...workersOf(daemon)]))
})

t.test('SIGTERM ends all in order', async (t) => {
  const pids = workersOf(daemon)
  t.same(await daemon.term(), { code: 0, signal: null })
  t.same(pids.filter(isAlive), [])
  const stopped = daemon.lines.filter(({ event }) => event === 'service.stopped').map(({ pid }) => pid)
  t.same(
    pids.filter((pid) => !stopped.includes(pid)),
    [],
  )
  checkLog(t, daemon)
})

t.test('a configuration that was spoilt', async (t) => {
  const spoilt = await startDaemon(t, { env: { ...stack.env, CONFIG_FILE, WORKERS: '2' } })
  const running = await readyWorkers(spoilt, 2)
  await writeFile(CONFIG_FILE, JSON.stringify({ server: { http_port: 'none' } }))
  spoilt.signal('SIGHUP')
  const { err } = await spoilt.logged('supervisor.renewal_failed')
  t.match(err, { message: /server\.http_port/ })
  t.same(workersOf(spoilt), running, 'leaves those that run as they are')
  process.kill(Number(running[0]), 'SIGKILL')
  t.same(await spoilt.exited(), { code: 78, signal: null }, 'and ends all when one has to start with it')
  checkLog(t, spoilt)
})

t.test('when the supervisor is killed its workers stop in order', async (t) => {
  const orphaned = await startDaemon(t, { env: { ...stack.env, WORKERS: '2' } })
  const pids = await readyWorkers(orphaned, 2)
  // Resolves when nobody writes to its output any more.
  await orphaned.kill9()
  t.same(pids.filter(isAlive), [])
  const alone = orphaned.lines.filter(({ reason }) => reason === 'supervisor_gone').map(({ pid }) => pid)
  t.same(new Set(alone), new Set(pids))
  const stopped = orphaned.lines.filter(({ event }) => event === 'service.stopped').map(({ pid }) => pid)
  t.same(new Set(stopped), new Set(pids))
})

t.test('several workers need stores that they can share', async (t) => {
  const alone = await Daemon.spawn(t, { env: { WORKERS: '2' } })
  t.same(await alone.exited(), { code: 78, signal: null })
  t.match(alone.lines, [{ event: 'config.invalid' }])
  t.match(alone.rawLines[0], /server\.workers \(WORKERS\) is 2, but the embedded database/)
  t.match(alone.rawLines[0], /server\.workers \(WORKERS\) is 2, but without Redis/)
})

t.test('a port that is taken', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  const late = await Daemon.spawn(t, { env: { ...stack.env, WORKERS: '2', PORT: `${address.port}` } })
  t.same(await late.exited(), { code: 1, signal: null })
  t.match(await late.logged('service.crashed'), { err: { code: 'EADDRINUSE' } })
  t.match(await late.logged('supervisor.gave_up'), { level: 'fatal' })
})
