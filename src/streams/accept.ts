import { mergeMap, type OperatorFunction } from 'rxjs'
import { type Acceptance, acceptanceOf, type Decision } from '../model/acceptance.js'
import { Failure } from '../model/failure.js'
import { notificationId } from '../model/id.js'
import type { Channel, Status } from '../model/notification.js'
import { isSilent } from '../model/silent.js'
import { traceIdOf } from '../model/trace.js'
import type { EventName } from '../telemetry/events.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { type Collected, collect } from './collect.js'
import { contained } from './containment.js'
import { judgementOn } from './decision.js'
import { type EnqueuePorts, enqueue, enqueueDue } from './enqueue.js'
import type { Batch, Envelope, Judged } from './envelope.js'
import { writable } from './portions.js'
import type { Digests, Entry, Fallback, Inbox, InsertResult, Ledger } from './ports.js'
import { keyMismatch } from './recall.js'

export interface AcceptPorts extends EnqueuePorts {
  /** The channel that is tried when another has failed; null: none. */
  readonly fallbackFor: (channel: Channel, tenantId: string) => Channel | null
  readonly ledger: Ledger
  readonly digests: Digests
  readonly inbox: Inbox
}

type Placed = Entry & { readonly envelope: Envelope }
/** `taken`: the row was cancelled, moved or decided by another meanwhile; nobody is to be told. */
type Answered = { readonly item: Placed; readonly answer: Acceptance | Failure; readonly taken?: boolean }

/**
 * The only transfer of custody. The ledger commits what the stages decided, the
 * queue is told, and then every envelope is settled: its source may forget it.
 */
export function accept(
  ports: AcceptPorts,
  telemetry: Telemetry,
): OperatorFunction<Batch, readonly Acceptance[]> {
  const { ledger, inbox } = ports
  const { log, metrics } = telemetry

  const insert = async (items: readonly Placed[]): Promise<readonly Answered[]> => {
    const results = await contained(items, (some) => ledger.insert(some))
    return pair(items, results, (_, result) => answerTo(result))
  }

  const decide = async (items: readonly Placed[]): Promise<readonly Answered[]> => {
    const results: (boolean | Failure)[] = []
    for (const portion of writable(items, ({ notification }) => notification)) {
      const written = await contained(portion, async (some) => {
        const { applied, due } = await ledger.decide(some)
        await enqueueDue(due, ports)
        return some.map(({ notification }) => applied.has(notification.id))
      })
      results.push(...written)
    }
    return pair(items, results, ({ notification, decision }) => acceptanceOf(notification, decision)).map(
      (answered, n) => (results[n] === false ? { ...answered, taken: true } : answered),
    )
  }

  const tell = async (answered: readonly Answered[]): Promise<void> => {
    const written = answered.flatMap(({ item, answer, taken }) =>
      answer instanceof Failure || answer.replayed || taken ? [] : [item],
    )
    const announced = written.flatMap(({ decision, notification }) =>
      decision.status === 'sent' ? [notification] : [],
    )
    await Promise.all([enqueue(written, ports), announced.length > 0 ? inbox.announce(announced) : undefined])
  }

  const settle = ({ item, answer, taken }: Answered): void => {
    const { envelope } = item
    if (answer instanceof Failure) refuse(envelope, answer)
    else {
      if (!answer.replayed && !taken) report(item, answer)
      envelope.settle({ kind: 'accepted', acceptance: answer })
    }
  }

  const refuse = (envelope: Envelope, failure: Failure): void => {
    metrics.rejected.inc({ code: failure.code })
    envelope.settle({ kind: 'refused', failure })
  }

  const report = (
    { envelope, notification }: Placed,
    { status, reason, deferredUntil }: Acceptance,
  ): void => {
    const { id, tenantId, channel } = notification
    if (envelope.origin === 'new') metrics.accepted.inc({ channel, status })
    if (status === 'sent') metrics.sent.inc({ channel })
    log.event(eventOf(envelope.origin, status, deferredUntil), {
      notification_id: id,
      tenant_id: tenantId,
      channel,
      trace_id: traceIdOf(notification.traceparent),
      reason,
      deferred_until: deferredUntil,
    })
  }

  return mergeMap(async (batch) => {
    const stop = metrics.stageSeconds.startTimer({ stage: 'accept' })
    metrics.batchSize.observe(batch.length)
    const fresh: Placed[] = []
    const due: Placed[] = []
    const held: Collected[] = []
    for (const item of batch) {
      const { envelope } = item
      const judgement = judgementOn(item)
      if (judgement.kind === 'refuse') refuse(envelope, judgement.failure)
      else if (judgement.kind === 'replay')
        envelope.settle({ kind: 'accepted', acceptance: judgement.acceptance })
      else if (judgement.kind === 'collect') held.push({ ...item, digest: judgement.digest })
      else if (envelope.origin === 'new') fresh.push(placed(item, judgement.decision, null))
      else due.push(placed(item, judgement.decision, fallbackOf(item, judgement.decision, ports)))
    }
    const [inserted, decided, collected] = await Promise.all([
      insert(fresh),
      decide(due),
      collect(held, ports, telemetry.tracing),
    ])
    const answered = [...inserted, ...decided]
    await tell(answered)
    stop()
    answered.forEach(settle)
    for (const { item, answer } of collected) {
      if (answer instanceof Failure) refuse(item.envelope, answer)
      else item.envelope.settle({ kind: 'accepted', acceptance: answer })
    }
    return answered.flatMap(({ answer }) => (answer instanceof Failure ? [] : [answer]))
  })
}

/** What waits keeps the metadata that the sender gave: the address is looked up again when its time comes. */
function placed(
  { envelope, notification, verdict }: Judged,
  decision: Decision,
  fallback: Fallback | null,
): Placed {
  const { metadata } = envelope.notification
  const kept =
    verdict.kind === 'pass' || metadata === notification.metadata
      ? notification
      : { ...notification, metadata }
  return { envelope, notification: kept, decision, amended: kept !== envelope.notification, fallback }
}

/**
 * What takes the place of a row that cannot be sent where it was to go. A request is answered instead: its
 * sender can choose.
 */
function fallbackOf(
  { notification, verdict }: Judged,
  { status }: Decision,
  { fallbackFor, clock }: AcceptPorts,
): Fallback | null {
  const unreachable = verdict.kind === 'suppress' && verdict.reason.startsWith('address_')
  if (isSilent(notification) || !(status === 'failed' || unreachable)) return null
  const instead = fallbackFor(notification.channel, notification.tenantId)
  return instead === null ? null : { id: notificationId(clock.now()), channel: instead }
}

function pair<R>(
  items: readonly Placed[],
  results: readonly (R | Failure)[],
  answer: (item: Placed, result: R) => Acceptance | Failure,
): readonly Answered[] {
  return items.map((item, n) => {
    const result = results[n]
    if (result === undefined) return { item, answer: new Failure('internal', 'the ledger gave no result') }
    return { item, answer: result instanceof Failure ? result : answer(item, result) }
  })
}

function eventOf(origin: Envelope['origin'], status: Status, deferredUntil: number | null): EventName {
  if (status === 'suppressed' || status === 'expired' || status === 'failed') return `notification.${status}`
  if (deferredUntil !== null) return 'notification.deferred'
  return origin === 'new' ? 'notification.accepted' : 'notification.due'
}

function answerTo(result: InsertResult): Acceptance | Failure {
  switch (result.kind) {
    case 'accepted':
      return result.acceptance
    case 'refused':
      return result.failure
    case 'mismatch':
      return keyMismatch()
  }
}
