import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS, RATE } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { type Daemon, startDaemon } from '../stand/daemon.js'
import { number } from '../stand/fields.js'
import { redisAddress } from '../stand/redis-address.js'
import type { Stand } from '../stand/stand.js'
import { senderToken } from '../stand/token.js'

const USERS = 200
const RATE_PER_SECOND = 1_000
const WINDOW = 256
const WARM_SECONDS = 2

/**
 * From the time a request was to be posted at one instance to the frame at its user's socket: at another instance
 * over the same PostgreSQL and Redis, beside one at the same instance. Whichever of them claims it delivers it.
 */
export const across: Measure = {
  name: 'across',
  async run(stand, { rounds, seconds }) {
    const [here, there] = await instances(stand)
    const load = startChild('end-to-end-load')
    stand.defer(() => load.stop())
    const token = await senderToken()
    const within = { url: here.url, sockets: here.url }
    const between = { url: here.url, sockets: there.url }
    await load.ask('open', { ...within, token, first: 0, users: USERS })
    await load.ask('open', { ...between, token, first: USERS, users: USERS })
    const drive = async (way: typeof within): Promise<Round> => {
      const paced = await load.ask('paced', { ...way, rate: RATE_PER_SECOND, seconds })
      if (number(paced, 'lost') + number(paced, 'refused') > 0) {
        throw new Error(`${paced.lost} messages never came, ${paced.refused} were refused`)
      }
      const most = await load.ask('windowed', { ...way, window: WINDOW, seconds })
      await here.drained()
      return { p50: number(paced, 'p50'), p99: number(paced, 'p99'), perSecond: number(most, 'perSecond') }
    }
    for (const way of [within, between]) {
      await load.ask('windowed', { ...way, window: WINDOW, seconds: WARM_SECONDS })
    }
    await here.drained()
    const found = await alternate(
      rounds,
      () => drive(between),
      () => drive(within),
    )
    const name = `accept → WebSocket of another instance at ${RATE_PER_SECOND}/s`
    const options = { what: 'same instance' }
    return [
      figure(`${name}, P50`, 'p50', MILLISECONDS, found, options),
      figure(`${name}, P99`, 'p99', MILLISECONDS, found, options),
      figure(
        `accept → WebSocket of another instance, ${WINDOW} under way`,
        'perSecond',
        RATE,
        found,
        options,
      ),
    ]
  },
}

async function instances(stand: Stand): Promise<readonly [Daemon, Daemon]> {
  const { host, port } = redisAddress(await stand.redis())
  const database = await (await stand.databases()).create()
  const one = async (): Promise<Daemon> => {
    const env = { REDIS_ADDR: `${host}:${port}` }
    const daemon = await startDaemon(stand.folder, database, { env })
    stand.defer(() => daemon.stop())
    return daemon
  }
  return [await one(), await one()]
}
