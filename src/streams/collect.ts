import { type Acceptance, acceptanceOf } from '../model/acceptance.js'
import type { DigestDraft } from '../model/digest-draft.js'
import { Failure } from '../model/failure.js'
import { contained } from './containment.js'
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
): Promise<readonly { readonly item: Collected; readonly answer: Acceptance | Failure }[]> {
  const drafts = [...new Set(items.map(({ digest }) => digest))]
  const byDraft = new Map<DigestDraft, DigestDraft | Failure | undefined>()
  for (const portion of inPortions(drafts, MEMBERS_AT_ONCE, ({ members }) => members.length)) {
    const results = await contained(portion, async (some) => {
      const written = await ports.digests.collect(some)
      const there = some.filter(({ id }) => written.has(id))
      await enqueueDigests(there, ports)
      return some
    })
    for (const [n, draft] of portion.entries()) byDraft.set(draft, results[n])
  }
  return items.map((item) => {
    const result = byDraft.get(item.digest)
    return { item, answer: result instanceof Failure ? result : held(item) }
  })
}

const held = ({ notification }: Collected): Acceptance =>
  acceptanceOf(notification, { status: 'pending', dueAt: null, admitted: false, reason: 'digest' })

async function enqueueDigests(drafts: readonly DigestDraft[], { queue, log }: EnqueuePorts): Promise<void> {
  if (drafts.length === 0) return
  for (const { id, tenantId, channel, members } of drafts) {
    log.event('digest.collected', {
      notification_id: id,
      tenant_id: tenantId,
      channel,
      items: members.length,
    })
  }
  await enqueueDue(
    drafts.map(({ id, createdAt }) => ({ id, dueAt: createdAt })),
    { queue, log },
  )
}
