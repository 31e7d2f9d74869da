import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import type { SendAnswer } from '../../src/api/schemas/send.js'
import { Daemon, startDaemon } from '../support/daemon.js'
import { checkLog } from '../support/marks.js'

t.setTimeout(240_000)

// Nothing is set but a free port instead of 9005, and DATA_DIR, so that the test can look into it.
const daemon = await startDaemon(t)

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

t.test('listens on the loopback address only', async (t) => {
  const { hostname, port } = new URL(daemon.url)
  t.equal(hostname, '127.0.0.1')
  t.ok(await isOpen('127.0.0.1', Number(port)))
  // A server that listens everywhere also answers at these.
  t.notOk(await isOpen('127.0.0.2', Number(port)))
  t.notOk(await isOpen('::1', Number(port)))
})

t.test('prints what can be pasted, and it works', async (t) => {
  const pasted = daemon.stderr.slice(daemon.stderr.indexOf('export TOKEN='))
  const { stdout } = await promisify(execFile)('bash', ['-c', pasted])
  const [sent, listed] = stdout.split(/(?<=\})(?=\{)/)
  const answer: SendAnswer = JSON.parse(sent ?? '')
  t.equal(answer.status, 'sent')
  t.match(JSON.parse(listed ?? ''), { notifications: [{ id: answer.id, title: 'Hello' }], next_cursor: null })
})

t.test('refuses a second daemon on the same data', async (t) => {
  const second = await Daemon.spawn(t, { dataDir: daemon.dataDir })
  t.same(await second.exited(), { code: 1, signal: null })
  const crash = await second.logged('service.crashed')
  t.match(crash, { err: { message: `Another daemon uses the DATA_DIR ${daemon.dataDir}` } })
  const { status } = await (await daemon.sender()).get('/health')
  t.equal(status, 200, 'the first one goes on')
  checkLog(t, second)
})

t.test('keeps everything over an orderly stop, and over a kill', async (t) => {
  const service = await daemon.sender()
  const first = await service.accepted({ user_id: 'kept' })
  t.same(await daemon.term(), { code: 0, signal: null })
  await daemon.restart()
  const second = await service.accepted({ user_id: 'kept' })
  await daemon.kill9()
  await daemon.restart()
  const inbox = await service.all('kept', 'in_app')
  t.same(
    inbox.map(({ id }) => id),
    [second, first],
  )
  const { body } = await service.get('/api/v1/users/kept/unread_count')
  t.same(body, { user_id: 'kept', unread_count: 2 })
})

t.test('ends with 78 and names every key that is wrong', async (t) => {
  const refused = await Daemon.spawn(t, {
    config: { queue: { leese: '3s' }, channels: { webhook: { slots: 0 } } },
    env: { PORT: 'http' },
  })
  t.same(await refused.exited(), { code: 78, signal: null })
  const line = await refused.logged('config.invalid')
  for (const key of ['queue.leese', 'channels.webhook.slots', 'server.http_port']) {
    t.match(line, { err: { message: new RegExp(`\\n  ${key} `) } }, key)
  }
  checkLog(t, refused)
})

t.test('a signal during the start ends it in order', async (t) => {
  const early = await Daemon.spawn(t)
  await early.logged('service.starting')
  t.same(await early.term(), { code: 0, signal: null })
  checkLog(t, early)
})

t.test('a signal that comes twice at once, as npm makes of Ctrl-C, still stops it in order', async (t) => {
  const doubled = await Daemon.spawn(t)
  await doubled.ready()
  doubled.signal('SIGINT')
  doubled.signal('SIGINT')
  t.same(await doubled.term(), { code: 0, signal: null })
  t.ok(await doubled.logged('service.stopped'))
})

t.test('the log', async (t) => checkLog(t, daemon))
