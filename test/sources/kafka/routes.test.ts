import t from 'tap'
import type { EventFacts, RouteDefinition } from '../../../src/model/event-route.js'
import type { Json } from '../../../src/model/json.js'
import { compileRoutes } from '../../../src/sources/kafka/routes.js'

const ENTRY = { tenant_id: '=data.tenant_id', user_id: '=data.user_id', channel: 'in_app' }

function route(
  changes: Partial<Omit<RouteDefinition, 'notifications'>> & {
    readonly notifications?: readonly Readonly<Record<string, Json>>[]
  } = {},
): RouteDefinition {
  const { notifications = [ENTRY], event = 'order.paid', ...others } = changes
  return {
    name: event,
    event,
    topics: null,
    when: null,
    notifications: notifications.map((fields, index) => ({
      name: String(index),
      fields: new Map(Object.entries(fields)),
    })),
    ...others,
  }
}

const facts = (data: unknown, event: Partial<EventFacts['event']> = {}): EventFacts => ({
  event: {
    id: 'e1',
    type: 'order.paid',
    source: null,
    subject: null,
    time: null,
    topic: 'orders',
    key: null,
    ...event,
  },
  data,
})

const keys = (routes: readonly RouteDefinition[], event: EventFacts) =>
  compileRoutes(routes)(event)?.map(({ key }) => key) ?? null

const body = (fields: Readonly<Record<string, Json>>, event: EventFacts) =>
  compileRoutes([route({ notifications: [fields] })])(event)?.[0]?.body(event)

t.test('an event goes to every route of its type, and to no other', async (t) => {
  const routes = [
    route({ name: 'one' }),
    route({ name: 'two', notifications: [ENTRY, ENTRY] }),
    route({ name: 'all', event: 'order.*' }),
    route({ event: 'order.lost' }),
    route({ name: 'here', topics: ['orders'] }),
    route({ name: 'there', topics: ['mirror', 'copy'] }),
  ]
  t.same(keys(routes, facts({})), ['one:0', 'two:0', 'two:1', 'here:0', 'all:0'])
  t.same(keys(routes, facts({}, { topic: 'copy' })), ['one:0', 'two:0', 'two:1', 'there:0', 'all:0'])
  t.same(keys(routes, facts({}, { type: 'order.sent' })), ['all:0'])
  t.equal(keys(routes, facts({}, { type: 'order' })), null)
  t.equal(keys(routes, facts({}, { type: 'constructor' })), null)
  t.same(keys([route({ event: '*' })], facts({}, { type: 'any' })), ['*:0'])
})

t.test('a name with a colon cannot be taken for two', async (t) => {
  t.same(keys([route({ event: 'a:b' })], facts({}, { type: 'a:b' })), ['a%3Ab:0'])
})

t.test('a condition decides; where it fails the event is refused, and the other routes go on', async (t) => {
  const when = (text: string, data: unknown) => keys([route({ when: text })], facts(data))
  t.same(when('data.total > `100`', { total: 120 }), ['order.paid:0'])
  t.same(when('data.total > `100`', { total: 80 }), [], 'wanted, but not now')
  t.same(when('data.urgent', { urgent: false }), [])
  const routes = compileRoutes([
    route({ name: 'broken', when: 'length(data.total)' }),
    route({ name: 'other' }),
  ])
  const [broken, other] = routes(facts({ total: 7 })) ?? []
  t.throws(() => broken?.body(facts({})), {
    code: 'validation_failed',
    message: /condition.*TypeError: length/,
  })
  t.equal(broken?.label, 'route broken')
  t.equal(other?.key, 'other:0')
})

t.test('constants, expressions and escaped texts, also deep inside', async (t) => {
  const event = facts({ tenant_id: 'acme', user_id: 'ada', name: 'Ada', tags: ['a'], total: 5 })
  const variables = {
    name: '=data.name',
    id: '=event.id',
    formula: '==a+b',
    plain: 'a = b',
    list: ['=data.total', '=data.missing', 7],
    deep: { tags: '=data.tags', missing: '=data.missing', no: false },
  }
  t.same(body({ ...ENTRY, title: 'Paid', variables, locale: '=data.locale', expires_at: null }, event), {
    tenant_id: 'acme',
    user_id: 'ada',
    channel: 'in_app',
    title: 'Paid',
    variables: {
      name: 'Ada',
      id: 'e1',
      formula: '=a+b',
      plain: 'a = b',
      list: [5, null, 7],
      deep: { tags: ['a'], no: false },
    },
  })
  t.same(body({ variables: '=data' }, event), { variables: event.data })
  t.same(body({ user_id: ['ada', '=data.user_id'] }, event), { user_id: ['ada', 'ada'] })
})

t.test('an expression that fails names its field, not the value', async (t) => {
  const event = facts({ secret: 4711 })
  t.throws(() => body({ title: '=length(data.secret)' }, event), {
    code: 'validation_failed',
    message: /^\/title cannot be had from the event: TypeError(?!.*4711)/,
  })
  // The library calls the event's own `hasOwnProperty`.
  const hostile = facts({ a: { hasOwnProperty: 1 } })
  t.throws(() => body({ title: '=data.a || data.b' }, hostile), { code: 'validation_failed' })
})
