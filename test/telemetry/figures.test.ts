import t from 'tap'
import { type Figures, figuresOf, lastingFigures, writeFigures } from '../../src/telemetry/figures.js'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js'

/** As it is told by one process to another. */
const told = async ({ registry }: Metrics): Promise<Figures> =>
  JSON.parse(JSON.stringify(await figuresOf(registry)))

function aProcess(accepted: number, sockets: number, depth: number, postgres: 0 | 1): Metrics {
  const metrics = createMetrics()
  metrics.accepted.inc({ channel: 'email', status: 'pending' }, accepted)
  metrics.deliverySeconds.observe({ channel: 'email' }, 0.003)
  metrics.sockets.set(sockets)
  metrics.queueDepth.set({ queue: 'email' }, depth)
  metrics.queueAge.set(depth)
  metrics.dependencyUp.set({ dependency: 'postgres' }, postgres)
  return metrics
}

const line = (text: string, start: string): string | undefined =>
  text.split('\n').find((each) => each.startsWith(start))

t.test('what each does is added up, and what all of them look at is not', async (t) => {
  const all = [await told(aProcess(3, 10, 7, 1)), await told(aProcess(4, 20, 6, 0))]
  const text = await writeFigures(all)
  for (const expected of [
    'notification_workers 2',
    'notification_accepted_total{channel="email",status="pending"} 7',
    'notification_delivery_seconds_bucket{le="0.005",channel="email"} 2',
    'notification_delivery_seconds_count{channel="email"} 2',
    'notification_websocket_connections 30',
    'notification_queue_depth{queue="email"} 7',
    'notification_queue_age_seconds 7',
    'notification_dependency_up{dependency="postgres"} 0',
  ])
    t.equal(line(text, expected.slice(0, expected.lastIndexOf(' '))), expected)
})

t.test('of a process that has ended only what it counted is left, however many there were', async (t) => {
  let departed: Figures = []
  for (let n = 0; n < 3; n += 1)
    departed = await lastingFigures([departed, await told(aProcess(5, 10, 9, 0))])
  const text = await writeFigures([departed, await told(aProcess(1, 2, 3, 1))])
  for (const expected of [
    'notification_workers 1',
    'notification_accepted_total{channel="email",status="pending"} 16',
    'notification_delivery_seconds_count{channel="email"} 4',
    'notification_websocket_connections 2',
    'notification_queue_depth{queue="email"} 3',
    'notification_dependency_up{dependency="postgres"} 1',
  ])
    t.equal(line(text, expected.slice(0, expected.lastIndexOf(' '))), expected)
})
