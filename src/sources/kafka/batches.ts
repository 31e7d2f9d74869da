import type { EachBatchPayload } from 'kafkajs'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Commits } from './commits.js'
import { Heartbeats } from './heartbeats.js'
import type { Holds } from './holds.js'
import { inOrder } from './in-order.js'
import { type PortionPorts, type PortionResult, type Stop, settlePortion } from './portion.js'
import { type Item, portionsOf } from './portions.js'
import { Progress } from './progress.js'
import { type Place, placeKey } from './records.js'

export interface BatchOptions {
  readonly heartbeatMs: number
  readonly defaultTenant: string
}

/** Takes what was fetched of a partition, and says how far it has come: never further than what is durable. */
export class Batches {
  readonly #ports: Omit<PortionPorts, 'log'>
  readonly #holds: Holds
  readonly #telemetry: Telemetry
  readonly #options: BatchOptions
  readonly #commits = new Commits()
  readonly #progress = new Map<string, Progress>()
  #generation = 0

  constructor(ports: Omit<PortionPorts, 'log'>, holds: Holds, telemetry: Telemetry, options: BatchOptions) {
    this.#ports = ports
    this.#holds = holds
    this.#telemetry = telemetry
    this.#options = options
  }

  /** The group was joined anew: what was fetched before may be another's by now. */
  rejoined(): void {
    this.#generation += 1
  }

  readonly each = async (payload: EachBatchPayload): Promise<void> => {
    const { batch, isRunning, isStale } = payload
    const generation = this.#generation
    const progress = this.#progressOf(batch, batch.firstOffset())
    const beats = new Heartbeats(payload.heartbeat, this.#options.heartbeatMs)
    const ours = (): boolean => !isStale() && this.#generation === generation
    try {
      await inOrder(
        portionsOf(batch, batch.messages, this.#options.defaultTenant),
        () => isRunning() && ours() && beats.lost === null,
        (portion) => settlePortion(portion, progress.tries, { ...this.#ports, log: this.#telemetry.log }),
        async (portion, result) => {
          if (!ours()) return false
          this.#resolve(payload, progress, portion, result)
          await this.#commits.sometimes(payload)
          return result.stop === null
        },
      )
      if (ours()) await this.#commits.now(payload)
    } finally {
      beats.stop()
    }
    // So that the group is joined again at once.
    if (beats.lost !== null) throw beats.lost.error
  }

  #resolve(
    payload: EachBatchPayload,
    progress: Progress,
    portion: readonly Item[],
    result: PortionResult,
  ): void {
    const { topic, partition } = payload.batch
    const last = portion[result.durable - 1]?.record.offset
    if (last !== undefined) {
      payload.resolveOffset(last)
      progress.tries.forgetBefore(BigInt(last) + 1n)
    }
    const { stop } = result
    if (stop !== null) {
      const at = portion[result.durable]?.record.offset
      this.#hold(payload, progress, at, stop, last !== undefined)
    } else if (progress.waiting) {
      progress.passed()
      this.#telemetry.log.event('kafka.partition_resumed', { topic, partition })
    }
  }

  #hold(
    { batch: { topic, partition }, pause }: EachBatchPayload,
    progress: Progress,
    offset: string | undefined,
    { reason, retryAfterMs, cause }: Stop,
    cameThrough: boolean,
  ): void {
    const first = !progress.waiting
    const ms = reason === 'failed' ? (retryAfterMs ?? 0) : progress.wait(cameThrough, retryAfterMs ?? 0)
    const fields = { topic, partition, offset, reason, retry_in_ms: ms, err: cause }
    if (reason === 'failed') this.#telemetry.log.event('kafka.event_failed', fields)
    else if (first) this.#telemetry.log.event('kafka.partition_paused', fields)
    this.#holds.hold({ topic, partition }, ms, pause)
  }

  #progressOf({ topic, partition }: Place, firstOffset: string | null): Progress {
    const key = placeKey({ topic, partition })
    const progress = this.#progress.get(key) ?? new Progress()
    this.#progress.set(key, progress)
    if (firstOffset !== null) progress.tries.forgetBefore(BigInt(firstOffset))
    return progress
  }
}
