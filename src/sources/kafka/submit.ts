import { Failure } from '../../model/failure.js'
import type { Idempotency } from '../../model/notification.js'
import type { Event } from './event.js'
import type { Body } from './fields.js'
import { nameIn, tenantIn } from './names.js'
import type { RoutedNotification } from './routes.js'
import type { Slots } from './slots.js'
import { Tally } from './tally.js'

/** Hands in one notification, checked like a request. Resolves once it is durable; rejects with a `Failure`. */
export type SubmitEvent = (
  body: Body,
  origin: { readonly traceparent: string | null; readonly idempotency: Idempotency },
) => Promise<unknown>

export interface SubmitOptions {
  /** Of all events that are under way. */
  readonly slots: Slots
  /** How long the event is known again. */
  readonly keepMs: number
  /** Whose the event is, as far as it tells. */
  readonly tenantId: string
}

/** As in a batch by HTTP. */
const MAX_USERS = 1_000
const LONGEST_TEMPLATE = 64

interface Request {
  readonly label: string
  readonly body: Body
  readonly key: string
}

/** Hands in, side by side, what an event asks for. What was handed in before, under the same keys, is there only once. */
export async function submitAll(
  event: Event,
  notifications: readonly RoutedNotification[],
  submit: SubmitEvent,
  { slots, keepMs, tenantId }: SubmitOptions,
): Promise<Tally> {
  const tally = new Tally()
  const { traceparent, hash } = event
  const submitted = async ({ body, label, key }: Request): Promise<void> => {
    try {
      // The same event, whatever it says this time.
      await submit(body, { traceparent, idempotency: { key, fingerprint: hash, keepMs } })
      tally.accept()
    } catch (error) {
      tally.refuse(error, labelled(label, body), tenantIn(body.tenant_id) ?? tenantId)
    } finally {
      slots.giveBack()
    }
  }
  const underWay: Promise<void>[] = []
  for (const notification of notifications) {
    for (const request of requestsOf(notification, event, tally, tenantId)) {
      const turn = slots.take()
      if (turn !== null) await turn
      underWay.push(submitted(request))
    }
  }
  await Promise.all(underWay)
  return tally
}

/** One, or one for each user; what cannot be made of the event goes to the tally. */
function requestsOf(
  { key, label, body: bodyOf }: RoutedNotification,
  { facts, hash }: Event,
  tally: Tally,
  tenantId: string,
): Iterable<Request> {
  const prefix = `event:${hash}:${key}`
  try {
    const body = bodyOf(facts)
    const { user_id: userId } = body
    return Array.isArray(userId)
      ? forEach(distinct(userId), { label, body, key: prefix })
      : [{ label, body, key: prefix }]
  } catch (error) {
    tally.refuse(error, label, tenantId)
    return []
  }
}

function distinct(users: readonly unknown[]): ReadonlySet<unknown> {
  const all = new Set(users)
  if (all.size <= MAX_USERS) return all
  throw Failure.field('validation_failed', '/user_id', `must not be more than ${MAX_USERS} users`)
}

/** As it is needed: a thousand bodies at once are not to wait for their turn. */
function* forEach(users: ReadonlySet<unknown>, { label, body, key }: Request): Iterable<Request> {
  for (const user of users) {
    const name = typeof user === 'string' ? user : ''
    yield { label, body: { ...body, user_id: user }, key: `${key}:${name}` }
  }
}

/** With the template: what is most often missing. */
function labelled(label: string, body: Body): string {
  const template = nameIn(body.template_id, LONGEST_TEMPLATE)
  return template === null ? label : `${label} (${template})`
}
