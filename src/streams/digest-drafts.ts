import { addressMetadata } from '../model/address.js'
import type { DigestDraft, Held } from '../model/digest-draft.js'
import { notificationId } from '../model/id.js'
import type { DigestFrequency } from '../model/recipient.js'
import { agreed, type ConsentOptions } from './consent.js'
import type { Subject } from './envelope.js'
import { frequencyOf } from './frequency.js'
import { inPortions } from './portions.js'
import type { Digests } from './ports.js'

const USERS_AT_ONCE = 50
/** As many as OpenTelemetry keeps of the links of a span unless it is told otherwise. */
const MOST_TRACES = 128

/** A draft that is being put together. */
type Gathering = DigestDraft & { readonly members: string[]; readonly memberTraces: string[] }

/**
 * The digests that fall due with a batch, by the id of everything that goes into them. That is all that waits
 * for the same user, whether or not it is in the batch; but only what the user still wants, and in a digest.
 */
export async function draftsFor(
  due: readonly Subject[],
  options: ConsentOptions,
  digests: Digests,
  now: number,
): Promise<ReadonlyMap<string, DigestDraft>> {
  const drafts = new Map<string, DigestDraft>()
  if (due.length === 0) return drafts
  const users = [...new Map(due.map((subject) => [userKey(subject), subject])).values()]
  const held: (readonly Held[])[] = []
  for (const some of inPortions(users, USERS_AT_ONCE, () => 1))
    held.push(...(await digests.held(some.map(({ notification }) => notification))))
  for (const [n, subject] of users.entries()) {
    for (const draft of draftsOf(subject, held[n] ?? [], options, now)) {
      for (const id of draft.members) drafts.set(id, draft)
    }
  }
  return drafts
}

/** One for each frequency and address. */
function draftsOf(
  subject: Subject,
  held: readonly Held[],
  options: ConsentOptions,
  now: number,
): readonly DigestDraft[] {
  const drafts = new Map<string, Gathering>()
  for (const one of held) {
    const frequency = wanted(subject, one, options, now)
    if (frequency === null) continue
    const key = `${frequency} ${one.address}`
    const draft = drafts.get(key) ?? emptyDraft(subject, one, frequency, now)
    draft.members.push(one.id)
    if (one.traceparent !== null && draft.memberTraces.length < MOST_TRACES)
      draft.memberTraces.push(one.traceparent)
    drafts.set(key, draft)
  }
  return [...drafts.values()]
}

/** How the user wants it now; null when not in a digest, or not at all: the stages see to it when it comes by itself. */
function wanted(
  { notification, standing }: Subject,
  { notificationType, expiresAt }: Held,
  options: ConsentOptions,
  now: number,
): DigestFrequency | null {
  if (expiresAt !== null && expiresAt <= now) return null
  const one = { ...notification, notificationType }
  if (!agreed(one, standing, options)) return null
  const frequency = frequencyOf({ notification: one, standing }, options)
  return frequency === 'immediate' ? null : frequency
}

function emptyDraft(
  { notification: { tenantId, userId, channel } }: Subject,
  { address }: Held,
  frequency: DigestFrequency,
  now: number,
): Gathering {
  return {
    id: notificationId(now),
    tenantId,
    userId,
    channel,
    frequency,
    metadata: addressMetadata(channel, address),
    members: [],
    memberTraces: [],
    traceparent: null,
    createdAt: now,
  }
}

const userKey = ({ notification: { tenantId, userId, channel } }: Subject): string =>
  JSON.stringify([tenantId, userId, channel])
