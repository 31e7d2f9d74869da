import type { Figure, Measure, Pace, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS, RATE } from '../rounds.js'
import { bothServices } from '../stand/both-services.js'
import { startChild } from '../stand/child.js'
import type { Daemon } from '../stand/daemon.js'
import { number } from '../stand/fields.js'
import type { Stand } from '../stand/stand.js'
import { senderToken } from '../stand/token.js'

const CONNECTIONS = 100

interface Service {
  readonly url: string
  cpuSeconds(): Promise<number>
}

/**
 * `POST /notifications/send`, answered when it is committed. The users are all different and offline:
 * in-app is done with that; for WebSocket both sides also find that out and record it.
 */
export const accept: Measure = {
  name: 'accept',
  async run(stand, pace) {
    const figures: Figure[] = []
    for (const channel of ['in_app', 'websocket']) {
      figures.push(...(await acceptBy({ channel, stand, pace })))
      await stand.clear()
    }
    return figures
  },
}

interface Accepting {
  readonly channel: string
  readonly stand: Stand
  readonly pace: Pace
  /** 0: texts of their own; else the template, to that many users. */
  readonly users?: number
  readonly prepare?: (daemon: Daemon) => Promise<void>
  readonly env?: Record<string, string>
  readonly name?: string
  readonly reach?: Figure['reach']
}

export async function acceptBy({
  channel,
  stand,
  pace: { rounds, seconds },
  users = 0,
  prepare,
  env = {},
  name = `accept ${channel}, ${CONNECTIONS} connections`,
  reach = { value: 8_000, share: 0.7 },
}: Accepting): Promise<Figure[]> {
  const { daemon, bare } = await bothServices(stand, { env })
  await prepare?.(daemon)
  const load = startChild('http-load')
  stand.defer(() => load.stop())
  const token = await senderToken()
  const drive = async ({ url, cpuSeconds }: Service): Promise<Round> => {
    const before = await cpuSeconds()
    const found = await load.ask('run', { url, token, channel, users, seconds, connections: CONNECTIONS })
    if (number(found, 'refused') > 0) throw new Error(`${found.refused} requests were refused`)
    if (url === daemon.url) await daemon.drained()
    const cpu = (await cpuSeconds()) - before
    return {
      perSecond: number(found, 'perSecond'),
      p50: number(found, 'p50'),
      p99: number(found, 'p99'),
      cpu: (cpu * 1e6) / number(found, 'answered'),
    }
  }
  await drive(daemon)
  await drive(bare)
  const found = await alternate(
    rounds,
    () => drive(daemon),
    () => drive(bare),
  )
  return [
    figure(name, 'perSecond', RATE, found, { reach }),
    figure(`${name}, P50`, 'p50', MILLISECONDS, found),
    figure(`${name}, P99`, 'p99', MILLISECONDS, found, { reach: { value: 150 } }),
    figure(`${name}, CPU a request`, 'cpu', { unit: 'µs', better: 'lower' }, found),
  ]
}
