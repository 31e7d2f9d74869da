import { type Static, Type } from 'typebox'
import { CHANNELS } from '../../model/notification.js'
import { LONGEST_DURATION_MS } from '../duration.js'
import { Count, Duration, Flag, List, OneOf, section } from '../values.js'

const SECOND = 1_000
const HOUR = 3_600_000

/** What every channel that is delivered from a lane has: who may use it, how many at once, and what follows a failure. */
export const usual = {
  enabled: Flag,
  tenants: List(),
  slots: Count(1, 10_000),
  fallback: Type.Optional(OneOf(CHANNELS)),
}

/** How long one try may take. */
export const Timeout = Duration(10, HOUR)

export const tried = { timeout: Timeout, tries: Count(1, 10) }

export const retrySection = section({
  delays: Type.Optional(Type.Array(Duration(SECOND, LONGEST_DURATION_MS), { maxItems: 20 })),
  jitter: Type.Number({ minimum: 0, maximum: 1 }),
})

const Usual = Type.Object(usual)

/** Which tenants may use a channel or a provider; null: all. */
export const tenantsOf = (tenants: readonly string[] | undefined): readonly string[] | null =>
  tenants === undefined || tenants.length === 0 ? null : tenants

export const usualOf = ({ enabled, tenants, fallback }: Static<typeof Usual>) => ({
  enabled,
  /** Null: all. */
  tenants: tenantsOf(tenants),
  fallback: fallback ?? null,
})

export const deliveryOf = (channel: { timeout: number; tries: number; slots: number }) => ({
  timeoutMs: channel.timeout,
  tries: channel.tries,
  slots: channel.slots,
})

export const retryOf = ({ retry }: { retry: Static<typeof retrySection> }) => ({
  delaysMs: retry.delays ?? [],
  jitter: retry.jitter,
})
