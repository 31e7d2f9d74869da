import type { EventFacts, RouteDefinition } from '../../model/event-route.js'
import { compileExpression, type Expression, isTrue } from '../../model/expression.js'
import { Failure } from '../../model/failure.js'
import { type Body, compileFields } from './fields.js'

/** A notification that an event asks for, or one for each user where its `user_id` is a list. */
export interface RoutedNotification {
  /** `<route>:<entry>`, in which neither has a colon. */
  readonly key: string
  /** For people. */
  readonly label: string
  /** @throws Failure naming the field whose expression fails */
  readonly body: (facts: EventFacts) => Body
}

interface Route {
  readonly name: string
  readonly topics: ReadonlySet<string> | null
  readonly when: Expression | null
  readonly notifications: readonly RoutedNotification[]
}

/** What the routes make of an event. Null: none wants it. */
export type Routing = (facts: EventFacts) => readonly RoutedNotification[] | null

/** Compiles routes that the configuration has checked. */
export function compileRoutes(definitions: readonly RouteDefinition[]): Routing {
  const byType = new Map<string, readonly Route[]>()
  const byPrefix: (readonly [prefix: string, route: Route])[] = []
  for (const definition of definitions) {
    const { event } = definition
    const route = compileRoute(definition)
    if (event.endsWith('*')) byPrefix.push([event.slice(0, -1), route])
    else byType.set(event, [...(byType.get(event) ?? []), route])
  }
  return (facts) => {
    const { type, topic } = facts.event
    const prefixed = byPrefix.flatMap(([prefix, route]) => (type.startsWith(prefix) ? [route] : []))
    const routes = [...(byType.get(type) ?? []), ...prefixed].filter(
      ({ topics }) => topics?.has(topic) ?? true,
    )
    return routes.length === 0 ? null : routes.flatMap((route) => asked(route, facts))
  }
}

function compileRoute({ name, topics, when, notifications }: RouteDefinition): Route {
  return {
    name,
    topics: topics === null ? null : new Set(topics),
    when: when === null ? null : compileExpression(when),
    notifications: notifications.map((notification) => ({
      key: `${encodeURIComponent(name)}:${encodeURIComponent(notification.name)}`,
      label: `route ${name}, notification ${notification.name}`,
      body: compileFields(notification.fields),
    })),
  }
}

function asked({ name, when, notifications }: Route, facts: EventFacts): readonly RoutedNotification[] {
  try {
    return when === null || isTrue(when(facts)) ? notifications : []
  } catch (error) {
    // What other routes ask for is not held up by it.
    const why = error instanceof Error ? error.message : 'it fails'
    const refusal = new Failure('validation_failed', `the condition cannot be judged: ${why}`)
    return [{ key: encodeURIComponent(name), label: `route ${name}`, body: () => thrown(refusal) }]
  }
}

function thrown(failure: Failure): never {
  throw failure
}
