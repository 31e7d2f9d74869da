import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS, RATE } from '../rounds.js'
import { type Child, startChild } from '../stand/child.js'
import { startDaemon } from '../stand/daemon.js'
import { type Fields, number } from '../stand/fields.js'
import { senderToken } from '../stand/token.js'

const UNDER_WAY = 64
const GRPC_CONNECTIONS = 4
const CHANNEL = 'in_app'

/** `SendNotification` beside `POST /notifications/send`, on one daemon, with as many requests under way. */
export const grpc: Measure = {
  name: 'grpc',
  async run(stand, { rounds, seconds }) {
    const daemon = await startDaemon(stand.folder, await (await stand.databases()).create())
    stand.defer(() => daemon.stop())
    const [grpcLoad, httpLoad] = [startChild('grpc-load'), startChild('http-load')]
    stand.defer(() => Promise.all([grpcLoad.stop(), httpLoad.stop()]))
    const token = await senderToken()
    const drive = async (load: Child, fields: Fields): Promise<Round> => {
      const before = await daemon.cpuSeconds()
      const found = await load.ask('run', { token, channel: CHANNEL, seconds, ...fields })
      if (number(found, 'refused') > 0) throw new Error(`${found.refused} requests were refused`)
      const cpu = (await daemon.cpuSeconds()) - before
      return {
        perSecond: number(found, 'perSecond'),
        p50: number(found, 'p50'),
        p99: number(found, 'p99'),
        cpu: (cpu * 1e6) / number(found, 'answered'),
      }
    }
    const overGrpc = (): Promise<Round> =>
      drive(grpcLoad, { url: daemon.grpcUrl, connections: GRPC_CONNECTIONS, underWay: UNDER_WAY })
    const overHttp = (): Promise<Round> =>
      drive(httpLoad, { url: daemon.url, connections: UNDER_WAY, users: 0 })
    await overGrpc()
    await overHttp()
    const found = await alternate(rounds, overGrpc, overHttp)
    const name = `gRPC send ${CHANNEL}, ${UNDER_WAY} under way`
    const what = { what: 'HTTP' }
    return [
      figure(name, 'perSecond', RATE, found, what),
      figure(`${name}, P50`, 'p50', MILLISECONDS, found, what),
      figure(`${name}, P99`, 'p99', MILLISECONDS, found, what),
      figure(`${name}, CPU a request`, 'cpu', { unit: 'µs', better: 'lower' }, found, what),
    ]
  },
}
