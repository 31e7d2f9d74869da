import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * Every metric of the service. Labels hold only names from our own catalogues
 * (channel, stage, reason), never ids or addresses, so their number is bounded.
 * The processes behind one port are added up; `aggregator` says where that would be wrong,
 * because all of them measure the same thing.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'notification_' })
  const registers = [registry]
  new Gauge({
    name: 'notification_workers',
    help: 'Processes whose figures these are.',
    registers,
  }).set(1)
  return {
    registry,
    /** The figures in the text format: where several processes share a port, those of all of them. */
    scrape: (): Promise<string> => registry.metrics(),
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
    events: new Counter({
      name: 'notification_events_total',
      help: 'Events handled, by what came of them; those that are unavailable or failed come again.',
      labelNames: ['source', 'result'],
      registers,
    }),
    httpRefused: new Counter({
      name: 'notification_http_refused_total',
      help: 'HTTP requests answered with a problem, by error code.',
      labelNames: ['code'],
      registers,
    }),
    grpcRefused: new Counter({
      name: 'notification_grpc_refused_total',
      help: 'gRPC calls that were not answered with OK, by error code.',
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
    redriven: new Counter({
      name: 'notification_redriven_total',
      help: 'Dead letters that were to be redriven, by kind and result.',
      labelNames: ['kind', 'result'],
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
      aggregator: 'max',
      registers,
    }),
    queueAge: new Gauge({
      name: 'notification_queue_age_seconds',
      help: 'Age of the oldest notification that is due and not delivered.',
      aggregator: 'max',
      registers,
    }),
    jobStreams: new Gauge({
      name: 'notification_job_streams',
      help: 'Open event streams of jobs.',
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
    replays: new Counter({
      name: 'notification_websocket_replays_total',
      help: 'Connections that were sent what they had missed, by result; all but "complete" are sent to the inbox.',
      labelNames: ['result'],
      registers,
    }),
    replaysWaiting: new Gauge({
      name: 'notification_websocket_replays_waiting',
      help: 'Connections that wait for what they have missed.',
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
    spans: new Counter({
      name: 'notification_spans_total',
      help: 'Spans of recorded traces, by what became of them: exported, failed or dropped.',
      labelNames: ['result'],
      registers,
    }),
    kafkaLag: new Gauge({
      name: 'notification_kafka_lag',
      help: 'Events that the group has not committed yet, by topic, as last asked for.',
      labelNames: ['topic'],
      aggregator: 'max',
      registers,
    }),
    kafkaPaused: new Gauge({
      name: 'notification_kafka_paused_partitions',
      help: 'Partitions that wait for a store, or for an event that failed.',
      registers,
    }),
    dependencyUp: new Gauge({
      name: 'notification_dependency_up',
      help: 'Whether a dependency answered when /ready was last asked.',
      labelNames: ['dependency'],
      aggregator: 'min',
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
