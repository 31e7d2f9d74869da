import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { startDaemon } from '../stand/daemon.js'
import { number } from '../stand/fields.js'
import type { Stand } from '../stand/stand.js'
import { senderToken } from '../stand/token.js'

const USERS = 200
const RATES = { websocket: 500, webhook: 200, email: 50 }

/** What a mail server that says nothing does to the other channels, beside one that takes every mail. */
export const isolation: Measure = {
  name: 'isolation',
  async run(stand, { rounds, seconds }) {
    const load = startChild('mixed-load')
    stand.defer(() => load.stop())
    const token = await senderToken()
    const service = async (mailServer: string): Promise<string> => {
      const url = await daemonWith(stand, mailServer)
      await load.ask('open', { url, token, users: USERS })
      await load.ask('run', { url, ...RATES, seconds: 1 })
      return url
    }
    const [stuck, well] = [await service('smtp-tarpit'), await service('smtp-receiver')]
    const drive = async (url: string): Promise<Round> => {
      const round = await load.ask('run', { url, ...RATES, seconds })
      if (number(round, 'lost') + number(round, 'refused') > 0) {
        throw new Error(`${round.lost} messages never came, ${round.refused} were refused`)
      }
      return { websocket: number(round, 'websocket'), webhook: number(round, 'webhook') }
    }
    const found = await alternate(
      rounds,
      () => drive(stuck),
      () => drive(well),
    )
    const options = { what: 'mail server well' }
    return [
      figure('mail server stuck: accept → WebSocket, P99', 'websocket', MILLISECONDS, found, options),
      figure('mail server stuck: accept → webhook, P99', 'webhook', MILLISECONDS, found, options),
    ]
  },
}

async function daemonWith(stand: Stand, mailServer: string): Promise<string> {
  const server = startChild(mailServer)
  stand.defer(() => server.stop())
  const port = number(await server.ask('listen'), 'port')
  const database = await (await stand.databases()).create()
  const env = {
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: String(port),
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_PER_URL_PER_MINUTE: '0',
  }
  const daemon = await startDaemon(stand.folder, database, { env })
  stand.defer(() => daemon.stop())
  return daemon.url
}
