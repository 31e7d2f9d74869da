import { once } from 'node:events'
import { request } from 'node:http'
import t, { type Test } from 'tap'
import { mintToken } from '../../../src/api/auth/mint.js'
import { JobStreams } from '../../../src/api/jobs/job-streams.js'
import { StateStream } from '../../../src/api/jobs/state-stream.js'
import type { JobProgress, Jobs } from '../../../src/api/ports.js'
import { recordedTelemetry } from '../../support/telemetry.js'
import { eventually, Gate, Watch } from '../../support/waiting.js'
import { memoryPorts } from '../memory-ports.js'
import { SECRET, serve, token } from '../support.js'

const HOUR_MS = 3_600_000

/** One job of two users, and how often it is looked at. */
function jobsOf(statuses: JobProgress['statuses'] = {}) {
  const job = { id: 'job_1', tenantId: 't1', total: 2, refused: {}, createdAt: 0 }
  const watch = new Watch()
  const state = { statuses, looks: 0, away: false, gone: false }
  const find: Jobs['find'] = async (tenantId, id) => {
    state.looks += 1
    watch.changed()
    if (state.away) throw new Error('the store is away')
    return tenantId === job.tenantId && id === job.id && !state.gone
      ? { ...job, statuses: state.statuses }
      : null
  }
  const looked = (times: number) => watch.until(() => state.looks >= times, `${times} looks`)
  return { state, find, looked, ports: { ...memoryPorts().jobs, find } }
}

/** A client of a stream: what it has read so far. */
async function follow(t: Test, url: string, path: string, bearer: string, headers = {}) {
  const call = request(`${url}${path}`, { headers: { authorization: `Bearer ${bearer}`, ...headers } }).end()
  t.teardown(() => call.destroy())
  const [response] = await once(call, 'response')
  const watch = new Watch()
  const read = { text: '', ended: false }
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    read.text += text
    watch.changed()
  })
  response.on('error', () => undefined)
  response.on('close', () => {
    read.ended = true
    watch.changed()
  })
  return {
    response,
    read,
    call,
    got: (text: string, times = 1) => watch.until(() => read.text.split(text).length > times, text),
    ended: () => watch.until(() => read.ended, 'the end'),
  }
}

const PATH = '/api/v1/jobs/job_1/events'

t.test('it tells at once, whenever something has changed, and ends', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const client = await serve(t, { jobs: jobs.ports })
  const bearer = await token('svc', 't1', ['sender'])
  const stream = await follow(t, client.url, PATH, bearer, { 'last-event-id': '7' })
  t.match(stream.response, {
    statusCode: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      connection: 'close',
    },
  })
  await stream.got('"progress":0')
  jobs.state.statuses = { pending: 1, sent: 1 }
  await stream.got('"progress":0.5')
  await jobs.looked(jobs.state.looks + 2)
  jobs.state.statuses = { sent: 1, failed: 1 }
  await stream.ended()
  const events = stream.read.text.split('\n\n').filter((event) => event !== '')
  t.match(events[0], /^retry: \d+\nevent: progress\ndata: \{/)
  t.same(
    events.map((event) => /event: (\w+)\ndata: .*"progress":([\d.]+)/.exec(event)?.slice(1).join(' ')),
    ['progress 0', 'progress 0.5', 'progress 1', 'completed 1'],
    'and says nothing where nothing has changed',
  )
  const { body } = await client.call('GET', '/api/v1/jobs/job_1')
  t.same(JSON.parse(events.at(-1)?.split('data: ')[1] ?? ''), body)
  const late = await follow(t, client.url, PATH, bearer)
  await late.ended()
  t.match(late.read.text, /event: progress[\s\S]*event: completed/)
})

t.test('a client that goes is forgotten, and one look does for all who listen', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const telemetry = recordedTelemetry()
  const client = await serve(t, { jobs: jobs.ports, telemetry })
  const bearer = await token('svc', 't1', ['sender'])
  const streams = await Promise.all(Array.from({ length: 5 }, () => follow(t, client.url, PATH, bearer)))
  const open = async () => (await telemetry.metrics.jobStreams.get()).values[0]?.value
  t.equal(await open(), 5)
  await jobs.looked(5 + 1)
  const before = jobs.state.looks
  await jobs.looked(before + 1)
  t.equal(jobs.state.looks, before + 1)
  for (const { call } of streams) call.destroy()
  await eventually(async () => (await open()) === 0, 'all of them to be forgotten')
})

t.test('a stop does not wait for it, nor does an expired token keep it', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const client = await serve(t, { jobs: jobs.ports })
  const short = await mintToken(SECRET, {
    subject: 'svc',
    tenantId: 't1',
    roles: ['sender'],
    expiresInSeconds: 2,
  })
  const expiring = await follow(t, client.url, PATH, short)
  await expiring.ended()
  t.match(expiring.read.text, '"progress":0', 'not before it has told')
  const stream = await follow(t, client.url, PATH, await token('svc', 't1', ['sender']))
  await stream.got('"progress":0')
  const before = performance.now()
  await client.api.close()
  await stream.ended()
  t.ok(performance.now() - before < 3_000)
})

t.test('those who may not are refused', async (t) => {
  const client = await serve(t, { jobs: jobsOf().ports })
  t.match(await client.call('GET', PATH, { token: await token('ada', 't1', ['user']) }), { status: 403 })
  t.match(await client.call('GET', PATH, { token: await token('svc', 't2', ['sender']) }), { status: 404 })
  t.match(await client.call('GET', '/api/v1/jobs/none/events'), { status: 404, body: { code: 'not_found' } })
  t.match(await client.call('HEAD', PATH), { status: 405 })
})

/** Streams whose times are short. */
function streamsOf(t: Test, jobs: ReturnType<typeof jobsOf>, options = {}) {
  const telemetry = recordedTelemetry()
  const streams = new JobStreams(jobs, telemetry, { lookMs: 5, keepAliveMs: 10_000, ...options })
  t.teardown(() => streams.close())
  return { telemetry, streams, open: (until = Date.now() + HOUR_MS) => streams.open('t1', 'job_1', until) }
}

t.test('there are only so many, and one that ends makes room', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const { open, streams } = streamsOf(t, jobs, { most: 2 })
  const [first] = await Promise.all([open(), open()])
  await t.rejects(open(), { code: 'too_many_connections' })
  await t.rejects(streams.open('t1', 'none', 0), { code: 'too_many_connections' })
  first?.destroy()
  await once(first ?? new StateStream(1), 'close')
  await t.rejects(streams.open('t1', 'none', 0), { code: 'not_found' })
  t.ok(await open())
  streams.close()
  await t.rejects(open(), { code: 'shutting_down' })
})

t.test('one tenant does not take the room of the others', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const { open, streams } = streamsOf(t, jobs, { most: 4, mostOfTenant: 2 })
  await open()
  await open()
  await t.rejects(open(), { code: 'too_many_connections', message: /2 event streams of this tenant/ })
  await t.rejects(streams.open('t2', 'job_1', 0), { code: 'not_found' })
})

t.test('whoever comes while it changes is told of the change', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const slow = new Gate()
  const find: Jobs['find'] = async (tenantId, id) => {
    const job = await jobs.find(tenantId, id)
    if (jobs.state.looks === 2) await slow.opened
    return job
  }
  const { open } = streamsOf(t, { ...jobs, find })
  const first = (await open()).setEncoding('utf8')
  const late = open()
  jobs.state.statuses = { pending: 1, sent: 1 }
  await new Promise<void>((resolve) => {
    first.on('data', (text: string) => {
      if (text.includes('"progress":0.5')) resolve()
    })
  })
  slow.open()
  let text = ''
  for await (const some of (await late).setEncoding('utf8')) {
    text += some
    if (text.includes('"progress":0.5')) break
  }
  t.match(text, /"progress":0,[\s\S]*"progress":0.5/)
})

t.test('it is kept alive while somebody reads, and cut when nobody does', async (t) => {
  const { open } = streamsOf(t, jobsOf({ pending: 2 }), { keepAliveMs: 20 })
  const [read, unread] = await Promise.all([open(), open()])
  let text = ''
  read.setEncoding('utf8').on('data', (some: string) => {
    text += some
  })
  await once(unread, 'close')
  t.equal(unread.destroyed, true)
  while (text.split('\n:\n\n').length < 3) await once(read, 'data')
  t.equal(read.destroyed, false)
})

t.test('it ends after its longest time, and when the job is gone', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const { open } = streamsOf(t, jobs, { longestMs: 30 })
  const stream = (await open()).resume()
  await once(stream, 'end')
  const other = streamsOf(t, jobs)
  const watching = (await other.open()).resume()
  jobs.state.gone = true
  await once(watching, 'end')
})

t.test('a store that is away is told in the log, and asked again', async (t) => {
  const jobs = jobsOf({ pending: 2 })
  const { open, telemetry } = streamsOf(t, jobs)
  const stream = (await open()).resume()
  jobs.state.away = true
  await jobs.looked(jobs.state.looks + 3)
  t.match(telemetry.lines[0], { event: 'job.unavailable', jobs: 1 })
  jobs.state.away = false
  jobs.state.statuses = { sent: 2 }
  await once(stream, 'end')
})

t.test('whoever reads slowly gets the newest state, and nothing gathers', async (t) => {
  const stream = new StateStream(1_000)
  stream.show('progress', '1')
  stream.read(0)
  for (let n = 2; n <= 10_000; n += 1) stream.show('progress', `${n}`)
  stream.finish({ event: 'completed', json: 'all' })
  t.ok(stream.readableLength < 200)
  let text = ''
  for await (const some of stream) text += some
  t.equal(
    text,
    'retry: 1000\nevent: progress\ndata: 1\n\nevent: progress\ndata: 10000\n\nevent: completed\ndata: all\n\n',
  )
})
