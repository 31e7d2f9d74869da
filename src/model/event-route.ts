import type { Json } from './json.js'

/** What becomes of the events of one type, as it is configured. */
export interface RouteDefinition {
  /** Part of the keys by which a repeated event is known; unique. */
  readonly name: string
  /** An event type; with `*` at its end, every type that begins so. */
  readonly event: string
  /** Null: the event is taken from whatever topic it comes by. */
  readonly topics: readonly string[] | null
  /** An expression; null: always. */
  readonly when: string | null
  readonly notifications: readonly NotificationDefinition[]
}

/** One notification, or one for each user where `user_id` gives a list. */
export interface NotificationDefinition {
  /** Unique within the route. Without a name of its own: its position. */
  readonly name: string
  /** As in a request to send: constants, and expressions where a text begins with `=`. */
  readonly fields: ReadonlyMap<string, Json>
}

/** What an expression of a route may look at. */
export type EventFacts = {
  readonly event: {
    readonly id: string
    readonly type: string
    readonly source: string | null
    readonly subject: string | null
    readonly time: string | null
    readonly topic: string
    readonly key: string | null
  }
  readonly data: unknown
}

/** The topics that hold the events of these routes: those that are named, else the one called as the event. */
export function topicsOf(routes: readonly RouteDefinition[]): readonly string[] {
  return [...new Set(routes.flatMap(({ topics, event }) => topics ?? [event]))]
}
