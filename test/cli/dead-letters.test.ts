import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import t from 'tap'
import { harmless } from '../../src/cli/dead-letters/lines.js'
import { deadLettersCommand } from '../../src/cli/dead-letters.js'

process.env.AUTH_JWT_SECRET = 'a-secret-that-is-long-enough-for-hs256'
process.env.DATA_DIR = t.testdir()

t.test('what is not understood is told', async (t) => {
  for (const [args, message] of [
    [[], /^dead-letters takes one of list, show, redrive, delete$/],
    [['bury'], /takes one of/],
    [['list', '--colour', 'red'], /colour/],
    [['list', 'dl_1'], /^list takes no id/],
    [['list', '--limit', '0'], /^--limit must be a whole number/],
    [['show'], /^show needs the id/],
    [['delete', '--all'], /^delete needs the id/],
    [['redrive'], /^redrive needs an id, something to choose by/],
    [['redrive', 'dl_1', '--all'], /^redrive takes either/],
    [['redrive', 'dl_1', '--topic', 'x'], /^redrive takes either/],
  ] as const)
    await t.rejects(
      deadLettersCommand([...args, '--tenant', 'acme']),
      { name: 'UsageError', message },
      args.join(' '),
    )
  await t.rejects(deadLettersCommand(['list']), { name: 'UsageError', message: '--tenant is required' })
  const nowhere = ['list', '--tenant', 'acme', '--url', 'http://127.0.0.1:1']
  await t.rejects(deadLettersCommand(nowhere), { name: 'CommandError', message: /cannot be reached/ })
})

t.test('rounds go on where the last one ended, and wait for a service that is away', async (t) => {
  const asked: unknown[] = []
  const answers = [
    [503, { code: 'store_unavailable', detail: 'away' }],
    [200, { redriven: 2, refused: {}, remaining: 2, until: 'then', next_cursor: 'c1' }],
    [200, { redriven: 0, refused: { conflict: 1 }, remaining: 1, until: 'then', next_cursor: 'c2' }],
    [200, { redriven: 1, refused: { conflict: 1 }, remaining: 0, until: 'then', next_cursor: null }],
  ] as const
  const server = createServer(async (request, response) => {
    const [status, body] = answers[asked.length] ?? [500, {}]
    asked.push(await json(request))
    response.writeHead(status, { 'retry-after': '1' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = Object(server.address())
  const stdout = t.capture(process.stdout, 'write', () => true)
  const stderr = t.capture(process.stderr, 'write', () => true)
  const url = `http://127.0.0.1:${address.port}`
  await deadLettersCommand([
    'redrive',
    '--event-type',
    'order.paid',
    '--tenant',
    'acme',
    '--url',
    url,
    '--json',
  ])
  const printed = stdout().map(({ args }) => String(args[0]))
  const progress = stderr().map(({ args }) => String(args[0]))
  const { exitCode } = process
  process.exitCode = undefined
  const filter = { event_type: 'order.paid', limit: 500 }
  t.same(asked, [
    filter,
    filter,
    { ...filter, until: 'then', cursor: 'c1' },
    { ...filter, until: 'then', cursor: 'c2' },
  ])
  if (!process.stderr.isTTY) t.ok(progress.includes('2 redriven, 1 refused, 1 remaining\n'))
  t.equal(exitCode, 1, 'something was refused')
  t.ok(printed.includes('{"redriven":3,"refused":{"conflict":2}}\n'))
})

t.test('what others wrote does not steer the terminal', async (t) => {
  t.equal(harmless('a\u001b[2J\u009b\u0007\r\nb'), 'a\\u001b[2J\\u009b\\u0007\\u000d\nb')
})
