import { merge, type Observable } from 'rxjs'
import type { Acceptance } from '../model/acceptance.js'
import { type Channel, QUEUED_CHANNELS, type QueuedChannel } from '../model/notification.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { accept } from './accept.js'
import { addressing } from './address.js'
import { attempting } from './attempt.js'
import { inBatches } from './batches.js'
import { type BreakerOptions, Breakers } from './breakers.js'
import { channelLimit } from './channel-limit.js'
import { type ConsentOptions, consent } from './consent.js'
import { deliver } from './deliver.js'
import { collecting, type DigestOptions } from './digest.js'
import { namedEndpoints } from './endpoint.js'
import type { Envelope } from './envelope.js'
import { gather } from './gather.js'
import { lane } from './lane.js'
import { pacing } from './pace.js'
import type {
  AttemptResult,
  ChannelCounters,
  Clock,
  DeliveryPolicy,
  Digests,
  Endpoints,
  Inbox,
  Ledger,
  Pacer,
  Queue,
  RateCounters,
  RateLimits,
  Recipients,
  Sink,
} from './ports.js'
import { type QuietHoursOptions, quietHours } from './quiet-hours.js'
import { rateLimit } from './rate-limit.js'
import { recall } from './recall.js'
import { type RenderPorts, rendering } from './render.js'
import { type AfterwardsPolicy, settle } from './settle.js'
import { judging } from './stage.js'
import { lookUpRecipients } from './standing.js'
import { timing } from './timing.js'

export interface StreamPorts extends RenderPorts {
  readonly clock: Clock
  readonly ledger: Ledger
  readonly digests: Digests
  readonly recipients: Recipients
  readonly queue: Queue
  readonly counters: RateCounters
  readonly channelCounters: ChannelCounters
  readonly pacer: Pacer
  readonly endpoints: Endpoints
  readonly inbox: Inbox
  readonly sinks: Readonly<Record<QueuedChannel, Sink>>
}

export interface StreamOptions {
  readonly intake: { readonly size: number; readonly inFlight: number; readonly waiting: number }
  readonly consent: ConsentOptions
  readonly digests: Pick<DigestOptions, 'hours' | 'timezone'>
  readonly quietHours: QuietHoursOptions
  /** Null: there are none. */
  readonly rateLimits: RateLimits | null
  /** Of single channels, for each recipient and hour. */
  readonly channelLimits: ReadonlyMap<Channel, number>
  /** How many go to one address of a channel in a minute. */
  readonly paces: ReadonlyMap<Channel, number>
  readonly horizonMs: number
  readonly leaseMs: number
  readonly breaker: BreakerOptions
  readonly channels: Readonly<Record<QueuedChannel, DeliveryPolicy & AfterwardsPolicy>>
}

/** From the sources to the ledger and the queue. Completes when the sources have and every envelope is settled. */
export function acceptance(
  sources: readonly Observable<Envelope>[],
  ports: StreamPorts,
  options: StreamOptions,
  telemetry: Telemetry,
): Observable<readonly Acceptance[]> {
  const { clock, ledger, digests, queue, inbox } = ports
  const onWaiting = (waiting: number): void => telemetry.metrics.intakeWaiting.set(waiting)
  return merge(...sources).pipe(
    inBatches({ ...options.intake, onWaiting }),
    judging(
      [
        recall(ledger),
        namedEndpoints(ports.endpoints),
        lookUpRecipients(ports.recipients),
        addressing(),
        gather(digests),
        rendering(ports, telemetry),
        consent(options.consent),
        timing(clock),
        collecting(
          { ...options.consent, ...options.digests, quietHours: options.quietHours },
          digests,
          clock,
        ),
        quietHours(options.quietHours, clock),
        rateLimit(ports.counters, options.rateLimits, clock, telemetry),
        channelLimit(ports.channelCounters, options.channelLimits),
        pacing(ports.pacer, options.paces, clock, telemetry),
      ],
      telemetry,
    ),
    accept(
      {
        ledger,
        digests,
        queue,
        inbox,
        clock,
        log: telemetry.log,
        horizonMs: options.horizonMs,
        fallbackFor: (channel, tenantId) =>
          channel === 'in_app' ? null : options.channels[channel].fallbackFor(tenantId),
      },
      telemetry,
    ),
  )
}

/**
 * From the ready lanes through the sinks back to the ledger, a branch for each channel.
 * @param stop no more is claimed; completes when what is under way is settled
 * @param cutOff what is still under way is aborted and released for another instance
 */
export function deliveries(
  ports: StreamPorts,
  options: StreamOptions,
  {
    stop,
    cutOff,
    pause,
  }: { readonly stop: AbortSignal; readonly cutOff: AbortSignal; readonly pause: () => Promise<void> },
  telemetry: Telemetry,
): Observable<readonly AttemptResult[]> {
  const { clock, ledger, queue, sinks } = ports
  const branch = (channel: QueuedChannel): Observable<readonly AttemptResult[]> => {
    const policy = options.channels[channel]
    const attempt = attempting(
      sinks[channel],
      policy,
      new Breakers(channel, options.breaker, telemetry),
      cutOff,
    )
    return lane(
      { channel, slots: policy.slots, leaseMs: options.leaseMs, stop },
      { queue, ledger, log: telemetry.log },
    ).pipe(
      deliver(channel, attempt, clock, telemetry),
      settle(channel, policy, { ledger, queue, pause }, telemetry),
    )
  }
  return merge(...QUEUED_CHANNELS.map(branch))
}
