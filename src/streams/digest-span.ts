import type { DigestDraft } from '../model/digest-draft.js'
import type { Tracing } from '../telemetry/tracing.js'

/** A draft with a trace of its own. */
export interface TracedDraft {
  readonly draft: DigestDraft
  /** It is written. What is not, because another instance came first or the store is away, leaves no trace. */
  readonly collected: () => void
}

/** What comes of many has none of them for its parent: it begins a trace, which refers to theirs. */
export function traced(draft: DigestDraft, tracing: Tracing): TracedDraft {
  const { id, tenantId, channel, frequency, members, memberTraces } = draft
  const span = tracing.start('collect digest', 'internal', null, memberTraces)
  if (span === null) return { draft, collected: () => undefined }
  return {
    draft: { ...draft, traceparent: span.traceparent },
    collected: () =>
      span.end(null, () => ({
        'notification.id': id,
        'notification.tenant_id': tenantId,
        'notification.channel': channel,
        'notification.digest.frequency': frequency,
        'notification.digest.members': members.length,
      })),
  }
}
