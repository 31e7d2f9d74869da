import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { Crew } from '../../src/processes/crew.js'
import { recordLog } from '../support/recorded-log.js'
import { eventually } from '../support/waiting.js'

/** Does what a worker does towards its supervisor, and starts in no time. Arguments: how it behaves, and its port. */
const WORKER = `
import { createServer } from 'node:http'
const [behaviour, port] = process.argv.slice(2)
if (behaviour === 'misconfigured') process.exit(78)
process.on('message', ({ kind }) => {
  if ((kind === 'stop' || kind === 'retire') && behaviour !== 'deaf') process.exit(0)
})
process.send({ kind: 'listening' })
const server = createServer((_, response) => response.end())
server.on('error', () => process.exit(1))
server.listen(Number(port), '127.0.0.1', () => {
  process.send({ kind: 'ready', url: 'http://127.0.0.1:' + server.address().port })
})`

type Behaviour = 'sound' | 'misconfigured' | 'deaf'

const folder = await mkdtemp(join(tmpdir(), 'notification-crew-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const exec = join(folder, 'worker.mjs')
await writeFile(exec, WORKER)

/** Of the workers that are started from now on. */
const workersAre = (behaviour: Behaviour, port = 0): void =>
  cluster.setupPrimary({ exec, args: [behaviour, `${port}`], execArgv: [] })

function crewOf(t: Test, shutdownTimeoutMs = 10_000) {
  const log = recordLog()
  let giveUp: (why: { readonly reason: string; readonly exitCode: number }) => void = () => undefined
  const hopeless = new Promise<Parameters<typeof giveUp>[0]>((resolve) => {
    giveUp = resolve
  })
  const onHopeless = (reason: string, exitCode: number): void => giveUp({ reason, exitCode })
  const crew = new Crew({ size: 2, shutdownTimeoutMs, log, onHopeless })
  t.teardown(async () => {
    crew.kill()
    await crew.stop()
  })
  return { crew, log, hopeless }
}

t.test('one that is killed while it is handed a connection is replaced', async (t) => {
  workersAre('sound')
  const { crew, log } = crewOf(t)
  const url = await crew.start()
  const pids = () =>
    log.lines.filter(({ event }) => event === 'worker.started').map(({ fields }) => fields.worker_pid)
  let done = false
  const calling = async (): Promise<void> => {
    while (!done) await request(url, { reset: true, headersTimeout: 200 }).catch(() => undefined)
  }
  const callers = Promise.all(Array.from({ length: 4 }, calling))
  for (let deaths = 1; deaths <= 5; deaths += 1) {
    process.kill(Number(pids()[deaths - 1]), 'SIGKILL')
    await eventually(async () => log.count('worker.died') === deaths, `death ${deaths} to be noticed`)
    await eventually(async () => pids().length === 2 + deaths, 'another one to be started')
  }
  done = true
  await callers
  t.equal(await crew.stop(), true, 'and those that are there end in order')
})

t.test('those that are asked to stop before they listen do so when they do', async (t) => {
  workersAre('sound')
  const { crew } = crewOf(t)
  void crew.start()
  t.equal(await crew.stop(), true)
})

t.test('one that is misconfigured ends all', async (t) => {
  workersAre('misconfigured')
  const { crew, hopeless } = crewOf(t)
  void crew.start()
  t.match(await hopeless, { exitCode: 78, reason: /misconfigured/ })
})

t.test('when none of them can start, the port being taken, all end', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  workersAre('sound', address.port)
  const { crew, hopeless } = crewOf(t)
  void crew.start()
  t.match(await hopeless, { exitCode: 1, reason: '2 workers have ended before one was ready' })
})

t.test('a successor that does not become ready leaves those that run', async (t) => {
  workersAre('sound')
  const { crew, log } = crewOf(t)
  await crew.start()
  workersAre('misconfigured')
  await t.rejects(crew.renew(), { message: 'the new worker did not become ready: it ended with 78' })
  t.equal(log.count('worker.died'), 0)
  workersAre('sound')
  await crew.renew()
  t.equal(await crew.stop(), true)
})

t.test('one that does not stop in time is killed', async (t) => {
  workersAre('deaf')
  const { crew, log } = crewOf(t, 100)
  await crew.start()
  t.equal(await crew.stop(), false)
  t.equal(log.count('worker.killed'), 2)
})
