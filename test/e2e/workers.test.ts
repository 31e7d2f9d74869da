import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { request } from 'undici'
import { isAlive } from '../../src/state/postgres/embedded-pidfile.js'
import { answerSlowly, FILE_TIMEOUT_MS } from '../support/chaos.js'
import { Daemon, startDaemon } from '../support/daemon.js'
import { Follower } from '../support/follower.js'
import { outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { hasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'
import { metric, readyWorkers, workersOf } from '../support/workers.js'

t.setTimeout(FILE_TIMEOUT_MS)

const WORKERS = 2
const SLOTS = 10
/** Not so often that a worker has no time to start. */
const PAUSE_MS = 30
const ANSWER_MS = 10_000

const stack = await startStack(t)
const folder = await mkdtemp(join(tmpdir(), 'notification-workers-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const CONFIG_FILE = join(folder, 'config.yaml')
const write = (config: unknown): Promise<void> => writeFile(CONFIG_FILE, JSON.stringify(config))
const SOUND = hasty({ slots: SLOTS })
const SPOILT = { server: { http_port: 'none' } }
await write(SOUND)

const settings = { WEBHOOK_ALLOW_PRIVATE: 'true', LOG_LEVEL: 'debug', WORKERS: `${WORKERS}`, CONFIG_FILE }
const daemon = await startDaemon(t, { env: { ...stack.env, ...settings } })
await readyWorkers(daemon, WORKERS)
const service = await daemon.sender()
const receiver = await WebhookReceiver.start(t, answerSlowly)
const followers = await Promise.all(['bob', 'eve'].map((userId) => Follower.start(t, daemon, userId)))

/** What was answered with 200, by user: the promise that is audited. */
const promised = new Map<string, Set<string>>()

/** Each over a connection of its own, so that every worker gets some. Resolves to the status; 0: no answer. */
async function send(user_id: string, target: object): Promise<number> {
  try {
    const { statusCode, body } = await request(`${daemon.url}/api/v1/notifications/send`, {
      method: 'POST',
      reset: true,
      headersTimeout: ANSWER_MS,
      headers: { authorization: `Bearer ${service.caller.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(service.message({ user_id, ...target })),
    })
    const answer = JSON.parse(await body.text())
    const ids = promised.get(user_id) ?? new Set()
    promised.set(user_id, ids)
    if (statusCode === 200) ids.add(answer.id)
    return statusCode
  } catch {
    return 0
  }
}

const sendOne = (n: number): Promise<number> => {
  const follower = followers[n % 3]
  if (follower === undefined) return send('ada', receiver.target)
  return send(follower.userId, { channel: n % 2 === 0 ? 'websocket' : 'in_app' })
}

/** Sends until the work is done; resolves then to what is answered. */
async function sendDuring(work: Promise<unknown>): Promise<readonly Promise<number>[]> {
  const statuses: Promise<number>[] = []
  let done = false
  const watched = work.finally(() => {
    done = true
  })
  while (!done) {
    statuses.push(sendOne(statuses.length))
    await delay(PAUSE_MS)
  }
  await watched
  return statuses
}

t.test('one port, and every worker behind it', async (t) => {
  const ready = daemon.lines.filter(({ event }) => event === 'service.ready')
  t.same(
    ready.map(({ url }) => url),
    Array(WORKERS).fill(daemon.url),
  )
  t.equal(new Set(ready.map(({ grpc_url }) => grpc_url)).size, 1, 'for gRPC, too')
  const accepting = () => daemon.lines.filter(({ event }) => event === 'notification.accepted')
  await sendDuring(
    eventually(async () => new Set(accepting().map(({ pid }) => pid)).size === WORKERS, 'all to accept'),
  )
  t.equal(await metric(service, 'notification_workers'), WORKERS)
  t.equal(await metric(service, 'notification_websocket_connections'), followers.length)
})

t.test('killed in the middle of it, a worker is replaced', async (t) => {
  const [victim = 0, other] = workersOf(daemon)
  const before = await metric(service, 'notification_accepted_total', 'webhook')
  process.kill(victim, 'SIGKILL')
  const died = daemon.logged('worker.died')
  await sendDuring(died.then(() => readyWorkers(daemon, WORKERS)))
  t.match(await died, { worker_pid: victim, signal: 'SIGKILL', pid: daemon.pid })
  t.equal(workersOf(daemon)[0], other, 'the other goes on')
  const after = await metric(service, 'notification_accepted_total', 'webhook')
  t.ok(after > before, `what it had counted still counts: ${before}, then ${after}`)
})

t.test('SIGHUP puts new workers in the place of all, and no request is refused', async (t) => {
  const former = workersOf(daemon)
  const counted = await metric(service, 'notification_accepted_total')
  const returns = followers.map((follower) => follower.returns)
  daemon.signal('SIGHUP')
  const statuses = await Promise.all(await sendDuring(daemon.logged('supervisor.renewed')))
  t.ok(statuses.length > 10)
  t.same(new Set(statuses), new Set([200]), `${statuses.length} requests`)
  const present = await readyWorkers(daemon, WORKERS)
  t.same(
    present.filter((pid) => former.includes(pid)),
    [],
  )
  const since = (await metric(service, 'notification_accepted_total')) - counted
  // One that was under way when a worker was killed may have been taken since then.
  t.ok(since >= statuses.length, `none of what was counted is forgotten: ${since} of ${statuses.length}`)
  for (const [n, follower] of followers.entries()) {
    t.ok(follower.returns > (returns[n] ?? 0), 'every socket was closed')
    t.equal(follower.ends.at(-1), 1001, 'with a reason')
  }
})

t.test('of what was accepted nothing is lost', async (t) => {
  const webhooks = promised.get('ada') ?? new Set()
  t.same(await outcomes(service, 'ada', webhooks), { sent: webhooks.size })
  t.same(
    [...webhooks].filter((id) => receiver.times(id) === 0),
    [],
  )
  t.ok(receiver.duplicates <= SLOTS, `${receiver.duplicates} twice, of at most ${SLOTS}`)
  t.equal(await metric(service, 'notification_workers'), WORKERS)
})

t.test('who comes back with the last one that was seen is shown every other one', async (t) => {
  for (const follower of followers) {
    const ids = [...(promised.get(follower.userId) ?? [])]
    const missing = () => ids.filter((id) => !follower.shown.has(id))
    await eventually(
      async () => missing().length === 0 && !follower.resumed.includes(undefined),
      `${follower.userId} to be shown all of ${ids.length}`,
    )
    const { returns } = follower
    t.same(new Set(follower.resumed), new Set([true]), `${returns} returns, nothing left to the inbox`)
    await follower.leave()
  }
})

t.test('SIGUSR2 reaches all', async (t) => {
  daemon.signal('SIGUSR2')
  const changed = () => daemon.lines.filter(({ event }) => event === 'service.log_level_changed')
  await eventually(async () => changed().length === WORKERS + 1, 'all to say so')
  t.same(new Set(changed().map(({ pid }) => pid)), new Set([daemon.pid, ...workersOf(daemon)]))
})

t.test('a configuration that was spoilt leaves those that run as they are', async (t) => {
  const running = workersOf(daemon)
  await write(SPOILT)
  daemon.signal('SIGHUP')
  const { err } = await daemon.logged('supervisor.renewal_failed')
  t.match(err, { message: /server\.http_port/ })
  t.same(workersOf(daemon), running)
  await write(SOUND)
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
