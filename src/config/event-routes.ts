import type { RouteDefinition } from '../model/event-route.js'
import type { Config } from './config.js'
import { expressionProblems, fieldProblems } from './event-fields.js'
import type { Problem } from './problem.js'

/** By the rule for the tenants of requests. */
const TENANT = /^\P{Cc}{1,64}$/u
/** As Kafka allows them. */
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/
/** With one `*` at its end. */
const EVENT = /^(?:[^\p{Cc}*]{1,255}\*?|\*)$/u
/** No digit in front: what has no name is called by its position. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const NAME_EXPECTED = 'must begin with a letter and have up to 64 of A-Z, a-z, 0-9, "_", "." and "-"'

/** What is wrong with the routes of events, each thing named by its key. */
export function eventProblems({ defaultTenant, routes }: Config['events']): readonly Problem[] {
  const tenant = { key: 'events.default_tenant', message: 'must be a tenant: 1 to 64 characters' }
  return [
    ...(TENANT.test(defaultTenant) ? [] : [tenant]),
    ...namesTaken(routes, 'events.routes'),
    ...routes.flatMap((route, index) => routeProblems(route, `events.routes.${index}`)),
  ]
}

function routeProblems(route: RouteDefinition, at: string): readonly Problem[] {
  const { name, event, topics, when, notifications } = route
  const problems: Problem[] = []
  const demand = (holds: boolean, key: string, message: string): void => {
    if (!holds) problems.push({ key: `${at}.${key}`, message })
  }
  demand(
    EVENT.test(event),
    'event',
    'must be an event type of 1 to 255 characters; it may have one * at its end',
  )
  demand(name === event || NAME.test(name), 'name', NAME_EXPECTED)
  demand(topics !== null || TOPIC.test(event), 'topics', `is needed: no topic can be called ${event}`)
  for (const topic of topics ?? [])
    demand(TOPIC.test(topic), 'topics', `has ${topic}, which cannot be a topic`)
  if (when !== null) problems.push(...expressionProblems(when, `${at}.when`))
  demand(notifications.length > 0, 'notifications', 'is empty; expected what the event becomes')
  problems.push(...namesTaken(notifications, `${at}.notifications`))
  for (const [index, notification] of notifications.entries()) {
    const here = `notifications.${index}`
    demand(isNamed(notification.name, index), `${here}.name`, NAME_EXPECTED)
    problems.push(...fieldProblems(notification, `${at}.${here}`))
  }
  return problems
}

const isNamed = (name: string, index: number): boolean => name === String(index) || NAME.test(name)

/** Repeated events are known by the names, so two may not share one. */
function namesTaken(items: readonly { readonly name: string }[], key: string): readonly Problem[] {
  const first = new Map<string, number>()
  return items.flatMap(({ name }, index) => {
    const other = first.get(name)
    first.set(name, other ?? index)
    if (other === undefined) return []
    return [
      {
        key: `${key}.${index}.name`,
        message: `must be another one than ${name}: so is ${key}.${other} called`,
      },
    ]
  })
}
