import { type Acceptance, acceptanceOf } from '../model/acceptance.js'
import type { DigestDraft } from '../model/digest-draft.js'
import { Failure } from '../model/failure.js'
import { traceIdOf } from '../model/trace.js'
import type { Tracing } from '../telemetry/tracing.js'
import { contained } from './containment.js'
import { type TracedDraft, traced } from './digest-span.js'
import { type EnqueuePorts, enqueueDue } from './enqueue.js'
import type { Judged } from './envelope.js'
import { inPortions } from './portions.js'
import type { Digests } from './ports.js'

export type Collected = Judged & { readonly digest: DigestDraft }

const MEMBERS_AT_ONCE = 5_000

/**
 * Writes the digests of a batch with what is collected into them. They pass the stages by themselves
 * at once, like everything that falls due.
 */
export async function collect(
  items: readonly Collected[],
  ports: EnqueuePorts & { readonly digests: Digests },
  tracing: Tracing,
): Promise<readonly { readonly item: Collected; readonly answer: Acceptance | Failure }[]> {
  const drafts = [...new Set(items.map(({ digest }) => digest))]
  const failures = new Map<DigestDraft, Failure>()
  for (const portion of inPortions(drafts, MEMBERS_AT_ONCE, ({ members }) => members.length)) {
    const begun = portion.map((draft) => traced(draft, tracing))
    const results = await contained(begun, async (some) => {
      const written = await ports.digests.collect(some.map(({ draft }) => draft))
      const there = some.filter(({ draft }) => written.has(draft.id))
      await enqueueDigests(there, ports)
      return some
    })
    for (const [n, draft] of portion.entries()) {
      const result = results[n]
      if (result instanceof Failure) failures.set(draft, result)
    }
  }
  return items.map((item) => {
    return { item, answer: failures.get(item.digest) ?? held(item) }
  })
}

const held = ({ notification }: Collected): Acceptance =>
  acceptanceOf(notification, { status: 'pending', dueAt: null, admitted: false, reason: 'digest' })

async function enqueueDigests(written: readonly TracedDraft[], { queue, log }: EnqueuePorts): Promise<void> {
  if (written.length === 0) return
  for (const { draft, collected } of written) {
    log.event('digest.collected', {
      notification_id: draft.id,
      tenant_id: draft.tenantId,
      channel: draft.channel,
      trace_id: traceIdOf(draft.traceparent),
      items: draft.members.length,
    })
    collected()
  }
  await enqueueDue(
    written.map(({ draft: { id, tenantId, createdAt } }) => ({ id, tenantId, dueAt: createdAt })),
    { queue, log },
  )
}
