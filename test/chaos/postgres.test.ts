import t from 'tap'
import { answerSlowly, FILE_TIMEOUT_MS } from '../support/chaos.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'

t.setTimeout(FILE_TIMEOUT_MS)

const { postgres, env } = await startStack(t)
const [daemon, alone] = await Promise.all([
  startHasty(t, { env }, { slots: 20 }),
  startHasty(t, {}, { slots: 20 }),
])

for (const [how, of, goes, comes] of [
  ['restarted', daemon, postgres.stop, postgres.restart],
  ['killed', daemon, postgres.kill, postgres.restart],
  // It is brought back by the daemon itself.
  [
    'killed, embedded',
    alone,
    async () => process.kill(await alone.postgresPid(), 'SIGKILL'),
    () => undefined,
  ],
] as const) {
  t.test(`PostgreSQL is ${how}, under load`, async (t) => {
    const service = await of.sender()
    const receiver = await WebhookReceiver.start(t, answerSlowly)
    const load = new Load(service, { ...receiver.target, user_id: how }, 8)
    await load.more(200)
    const before = await of.residentMb()
    await goes()
    await load.refused(503)
    await comes()
    await load.more(200)
    const grown = (await of.residentMb()) - before
    await load.stop()
    t.same([...load.refusals.keys()], [503], 'nothing else was answered')
    t.equal(load.politeRefusals, load.refusals.get(503), 'and always when to come back')
    t.ok(grown < 60, `grown by ${Math.round(grown)} MB`)
    t.same(await outcomes(service, how, load.accepted), { sent: load.accepted.size })
    t.equal(receiver.duplicates, 0, 'results were held and written')
  })
}

t.test('the log', async (t) => checkLog(t, daemon, alone))
