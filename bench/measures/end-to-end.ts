import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS, RATE } from '../rounds.js'
import { bothServices } from '../stand/both-services.js'
import { startChild } from '../stand/child.js'
import { number } from '../stand/fields.js'
import { senderToken } from '../stand/token.js'

const USERS = 200
const RATE_PER_SECOND = 3_000
const WINDOW = 256
const WARM_SECONDS = 2

/** From the time a request was to be posted to the frame at its user's socket, in the process that does both. */
export const endToEnd: Measure = {
  name: 'end-to-end',
  async run(stand, { rounds, seconds }) {
    const { daemon, bare } = await bothServices(stand)
    const load = startChild('end-to-end-load')
    stand.defer(() => load.stop())
    const token = await senderToken()
    for (const { url } of [daemon, bare]) {
      await load.ask('open', { url, token, first: 0, users: USERS })
      await load.ask('windowed', { url, window: WINDOW, seconds: WARM_SECONDS })
    }
    await daemon.drained()

    const drive = async (url: string): Promise<Round> => {
      const paced = await load.ask('paced', { url, rate: RATE_PER_SECOND, seconds })
      if (number(paced, 'lost') + number(paced, 'refused') > 0) {
        throw new Error(`${paced.lost} messages never came, ${paced.refused} were refused`)
      }
      const most = await load.ask('windowed', { url, window: WINDOW, seconds })
      if (url === daemon.url) await daemon.drained()
      return { p50: number(paced, 'p50'), p99: number(paced, 'p99'), perSecond: number(most, 'perSecond') }
    }
    const found = await alternate(
      rounds,
      () => drive(daemon.url),
      () => drive(bare.url),
    )
    const name = `accept → WebSocket at ${RATE_PER_SECOND}/s`
    return [
      figure(`${name}, P50`, 'p50', MILLISECONDS, found),
      figure(`${name}, P99`, 'p99', MILLISECONDS, found, { reach: { value: 50 } }),
      figure(`accept → WebSocket, ${WINDOW} under way`, 'perSecond', RATE, found, {
        reach: { value: 8_000 },
      }),
    ]
  },
}
