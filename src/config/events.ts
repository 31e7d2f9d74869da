import { type Static, Type } from 'typebox'
import type { RouteDefinition } from '../model/event-route.js'
import type { JsonObject } from '../model/json.js'
import { Duration, List, OptionalText, Size, section, Text } from './values.js'

const KB = 1_024
const MB = 1_048_576
const MINUTE = 60_000
const YEAR = 366 * 86_400_000

/** Its fields are those of a request to send, each a constant or an expression: see `event-fields.ts`. */
const Notification = Type.Unsafe<JsonObject>({ type: 'object' })

const Route = section({
  name: OptionalText,
  event: Text,
  topics: List(),
  when: OptionalText,
  notifications: Type.Array(Notification),
})

export const eventsSchema = section({
  default_tenant: Text,
  dedupe: Duration(MINUTE, YEAR),
  max_size: Size(KB, 64 * MB),
  routes: Type.Array(Route),
})

export function eventsOf(events: Static<typeof eventsSchema>) {
  return {
    /** Whose events are that do not tell their tenant. */
    defaultTenant: events.default_tenant,
    /** How long an event is known again. */
    dedupeMs: events.dedupe,
    /** Of the value of a record. */
    maxBytes: events.max_size,
    routes: events.routes.map(routeOf),
  }
}

function routeOf({ name, event, topics, when, notifications }: Static<typeof Route>): RouteDefinition {
  return {
    name: name || event,
    event,
    topics: topics === undefined || topics.length === 0 ? null : topics,
    when: when || null,
    notifications: notifications.map(({ name: entry, ...fields }, index) => ({
      name: entry === undefined || entry === null ? String(index) : String(entry),
      fields: new Map(Object.entries(fields)),
    })),
  }
}
