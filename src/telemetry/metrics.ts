import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * Every metric of the service. Labels hold only names from our own catalogues
 * (channel, stage, reason), never ids or addresses, so their number is bounded.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'notification_' })
  const registers = [registry]
  return {
    registry,
    accepted: new Counter({
      name: 'notification_accepted_total',
      help: 'Notifications committed, by channel and by what was decided.',
      labelNames: ['channel', 'status'],
      registers,
    }),
    rejected: new Counter({
      name: 'notification_rejected_total',
      help: 'Requests refused without a row, by error code.',
      labelNames: ['code'],
      registers,
    }),
    httpRefused: new Counter({
      name: 'notification_http_refused_total',
      help: 'HTTP requests answered with a problem, by error code.',
      labelNames: ['code'],
      registers,
    }),
    sent: new Counter({
      name: 'notification_sent_total',
      help: 'Notifications delivered.',
      labelNames: ['channel'],
      registers,
    }),
    failed: new Counter({
      name: 'notification_failed_total',
      help: 'Notifications that ended as failed, by reason.',
      labelNames: ['channel', 'reason'],
      registers,
    }),
    attempts: new Counter({
      name: 'notification_attempts_total',
      help: 'Delivery attempts, by result.',
      labelNames: ['channel', 'result'],
      registers,
    }),
    stageSeconds: new Histogram({
      name: 'notification_stage_seconds',
      help: 'Time a batch spends in a stage.',
      labelNames: ['stage'],
      buckets: SECONDS,
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'notification_delivery_seconds',
      help: 'Time of one attempt at the provider.',
      labelNames: ['channel'],
      buckets: SECONDS,
      registers,
    }),
    endToEndSeconds: new Histogram({
      name: 'notification_end_to_end_seconds',
      help: 'From the time a notification was due to the time it was delivered.',
      labelNames: ['channel'],
      buckets: [...SECONDS, 300, 900, 1800],
      registers,
    }),
    batchSize: new Histogram({
      name: 'notification_batch_size',
      help: 'Notifications accepted in one batch.',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500],
      registers,
    }),
    intakeWaiting: new Gauge({
      name: 'notification_intake_waiting',
      help: 'Notifications that wait to be accepted.',
      registers,
    }),
    renderWaiting: new Gauge({
      name: 'notification_render_waiting',
      help: 'Texts that are being rendered or wait for it.',
      registers,
    }),
    renderKilled: new Counter({
      name: 'notification_render_killed_total',
      help: 'Rendering threads that were lost, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    inFlight: new Gauge({
      name: 'notification_deliveries_in_flight',
      help: 'Deliveries under way.',
      labelNames: ['channel'],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'notification_queue_depth',
      help: 'Notifications in a queue: a lane by channel, or "delay".',
      labelNames: ['queue'],
      registers,
    }),
    queueAge: new Gauge({
      name: 'notification_queue_age_seconds',
      help: 'Age of the oldest notification that is due and not delivered.',
      registers,
    }),
    sockets: new Gauge({
      name: 'notification_websocket_connections',
      help: 'Open WebSocket connections.',
      registers,
    }),
    socketsDropped: new Counter({
      name: 'notification_websocket_dropped_total',
      help: 'Connections closed by the service, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    providerCalls: new Counter({
      name: 'notification_provider_calls_total',
      help: 'Messages handed to one of several providers of a channel, by result.',
      labelNames: ['channel', 'provider', 'result'],
      registers,
    }),
    providerSeconds: new Histogram({
      name: 'notification_provider_seconds',
      help: 'Time of one call to a provider.',
      labelNames: ['channel', 'provider'],
      buckets: SECONDS,
      registers,
    }),
    breakerOpen: new Gauge({
      name: 'notification_breaker_open',
      help: 'Circuit breakers that are open.',
      labelNames: ['channel'],
      registers,
    }),
    scheduleRuns: new Counter({
      name: 'notification_schedule_runs_total',
      help: 'Runs of recurring schedules, by result; "again" is fired once more.',
      labelNames: ['result'],
      registers,
    }),
    dependencyUp: new Gauge({
      name: 'notification_dependency_up',
      help: 'Whether a dependency answered when /ready was last asked.',
      labelNames: ['dependency'],
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
