import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { aJob, aRendering, failure, program, rendered } from './support.js'

t.setTimeout(120_000)

/** Answers each job with its variables; obeys those of the names `hang`, `crash`, `exit` and `hoard`. */
const OBEDIENT = `
const underWay = new Int32Array(workerData.progress)
parentPort.on('message', (message) => {
  const { tasks, strings } = JSON.parse(message)
  const answers = tasks.map((task, n) => {
    Atomics.store(underWay, 0, 2 * n + 1)
    if (task.length === 2) {
      while (strings[task[1]].includes('hang')) continue
      return { variables: ['looked'] }
    }
    const wish = task[6]
    while (wish.hang) continue
    if (wish.crash) throw new Error('crashed')
    if (wish.exit) process.exit(1)
    const hoard = []
    while (wish.hoard) hoard.push(new Array(1000).fill({}))
    return { title: null, content: wish.name }
  })
  Atomics.store(underWay, 0, -1)
  parentPort.postMessage(JSON.stringify({ answers, slowMs: 0 }))
})
Atomics.store(underWay, 0, -1)
`
const STOPPED = {
  hang: '/content takes longer than 400 ms to render',
  crash: '/content cannot be rendered',
  exit: '/content cannot be rendered',
  hoard: '/content takes more memory than a text may have',
}

for (const [wish, message] of Object.entries(STOPPED)) {
  t.test(`a thread that is lost to a text (${wish}) is replaced`, async (t) => {
    // Memory is to run out before time does.
    const limits = wish === 'hoard' ? { timeoutMs: 30_000, hardTimeoutMs: 60_000 } : {}
    const { rendering, lines } = aRendering(t, { maxOutput: 1_000, ...limits }, program(OBEDIENT))
    const results = await rendering.render([
      aJob({ tenantId: 'before' }),
      aJob({ tenantId: 'evil', variables: { [wish]: true } }),
      aJob({ tenantId: 'evil', variables: { name: 'innocent' } }),
      aJob({ tenantId: 'after' }),
    ])
    t.same(
      results.map((result) => (result instanceof Failure ? result.message : result.content)),
      ['Zoë', message, 'innocent', 'Zoë'],
    )
    t.equal(lines.filter(({ event }) => event === 'render.worker_killed').length, 2)
    t.equal((await rendered(rendering, {})).content, 'Zoë')
  })
}

t.test('a text that hangs while it is looked at is stopped', async (t) => {
  const { rendering } = aRendering(t, {}, program(OBEDIENT))
  const reports = await rendering.inspect('evil', [
    { field: '/title', source: '{{ good }}' },
    { field: '/content', source: '{{ hang }}' },
  ])
  t.same(reports[0], { variables: ['looked'], failure: null })
  t.equal(reports[1]?.failure?.message, '/content takes longer than 400 ms to render')
})

t.test('a text that was under way while the thread was lost, and did nothing, is not blamed', async (t) => {
  // The first thread hangs over whatever it is given, as one does that gets no time from the machine.
  const once = new URL(
    `data:text/javascript,${encodeURIComponent(`
import { parentPort, threadId, workerData } from 'node:worker_threads'
import { existsSync, writeFileSync } from 'node:fs'
const underWay = new Int32Array(workerData.progress)
parentPort.on('message', (message) => {
  const { tasks } = JSON.parse(message)
  Atomics.store(underWay, 0, 1)
  const mark = ${JSON.stringify(`${t.testdir({})}/mark`)}
  if (!existsSync(mark)) {
    writeFileSync(mark, '')
    for (;;) continue
  }
  Atomics.store(underWay, 0, -1)
  parentPort.postMessage(JSON.stringify({ answers: tasks.map((task) => ({ title: null, content: task[6].name })), slowMs: 0 }))
})
Atomics.store(underWay, 0, -1)
`)}`,
  )
  const { rendering, lines } = aRendering(t, {}, once)
  t.equal((await rendered(rendering, {})).content, 'Zoë')
  t.same(
    lines.map(({ event }) => event),
    ['render.worker_killed', 'render.tenant_isolated'],
  )
  await rendered(rendering, {})
  t.equal(lines.length, 2)
})

t.test('a thread that cannot start is no reason to hang, and blames nobody', async (t) => {
  for (const broken of ['throw new Error("no")', 'process.exit(1)', 'import "./nowhere.js"']) {
    const { rendering, lines } = aRendering(t, {}, program(broken))
    t.match(await failure(rendering, {}), { code: 'internal', retryAfterMs: 1_000 })
    t.ok(lines.length > 0)
    t.notMatch(JSON.stringify(lines), 'tenant_id')
  }
})

t.test('closing ends a thread that hangs', async (t) => {
  const { rendering, lines } = aRendering(t, {}, program(OBEDIENT))
  await rendered(rendering, {})
  const hanging = failure(rendering, { variables: { hang: true } })
  await rendering.close()
  t.match(await hanging, { code: 'shutting_down' })
  t.same(lines, [])
})
