import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Fanout } from '../../src/sinks/websocket/fanout.js'

const message = (text: string) => Buffer.from(text)

t.test('a broadcast goes out a slice a turn, and a critical one overtakes those that wait', async (t) => {
  const fanout = new Fanout()
  const sent: string[] = []
  const targets = () =>
    Array.from({ length: 1_100 }, () => ({ send: (m: Buffer) => sent.push(`${m}`) })).values()
  fanout.start({ message: message('first'), critical: false, targets: targets() })
  t.equal(sent.length, 512, 'it begins at once, but does not do all at once')
  fanout.start({ message: message('second'), critical: false, targets: targets() })
  fanout.start({ message: message('critical'), critical: true, targets: targets() })
  while (sent.length < 3_300) await turn()
  const done = ['first', 'second', 'critical'].map((text) => [sent.lastIndexOf(text), text] as const)
  t.same(
    done.sort(([a], [b]) => a - b).map(([, text]) => text),
    ['critical', 'first', 'second'],
  )
})

t.test('no more than a hundred wait', async (t) => {
  const fanout = new Fanout()
  let sent = 0
  const targets = () => Array.from({ length: 600 }, () => ({ send: () => sent++ })).values()
  for (let n = 0; n < 100; n += 1)
    t.ok(fanout.start({ message: message('x'), critical: false, targets: targets() }))
  t.notOk(fanout.start({ message: message('x'), critical: true, targets: targets() }))
  while (sent < 60_000) await turn()
  t.ok(fanout.start({ message: message('x'), critical: false, targets: targets() }))
  fanout.stop()
  await turn()
  t.equal(sent, 60_512)
})
