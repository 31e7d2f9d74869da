import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { Config } from '../../src/config/config.js'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/config/problem.js'
import { topicsOf } from '../../src/model/event-route.js'

const ENTRY = { tenant_id: 'acme', user_id: '=data.user_id', channel: 'in_app', template_id: 'tmpl_a' }
const ROUTE = { event: 'order.paid', notifications: [ENTRY] }

async function load(t: Test, events: Readonly<Record<string, unknown>>): Promise<Config> {
  const directory = await mkdtemp(join(tmpdir(), 'notification-config-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'mine.yaml')
  await writeFile(path, stringify({ events }))
  return loadConfig({ env: {}, path })
}

async function problems(t: Test, events: Readonly<Record<string, unknown>>) {
  const error = await load(t, events).catch((thrown: unknown) => thrown)
  if (error instanceof ConfigError) return error.problems.map(({ key, message }) => `${key} ${message}`)
  return []
}

const routes = (t: Test, ...all: readonly object[]) => problems(t, { routes: all })
const notification = (t: Test, changes: object) =>
  routes(t, { ...ROUTE, notifications: [{ ...ENTRY, ...changes }] })

t.test('five event types ship as the default', async (t) => {
  const { events } = loadConfig({ env: {} })
  t.match(events, { defaultTenant: 'default', dedupeMs: 7 * 86_400_000, maxBytes: 1_048_576 })
  t.same(topicsOf(events.routes), [
    'document.indexed',
    'task.completed',
    'user.registered',
    'payment.success',
    'conversation.message.sent',
  ])
  t.same(
    events.routes.map(({ notifications }) => notifications.map(({ fields }) => fields.get('channel'))),
    [['email', 'in_app'], ['in_app'], ['email'], ['email'], ['websocket']],
  )
})

t.test('routes of a file of one own replace them', async (t) => {
  const { events } = await load(t, {
    default_tenant: 'acme',
    dedupe: '30d',
    routes: [
      { ...ROUTE, notifications: [{ ...ENTRY, name: 'inbox' }, ENTRY] },
      { name: 'rest', event: 'order.*', topics: 'orders, more', when: 'data.total', notifications: [ENTRY] },
    ],
  })
  t.match(events, {
    defaultTenant: 'acme',
    dedupeMs: 30 * 86_400_000,
    routes: [
      { name: 'order.paid', topics: null, when: null, notifications: [{ name: 'inbox' }, { name: '1' }] },
      { name: 'rest', event: 'order.*', topics: ['orders', 'more'], when: 'data.total' },
    ],
  })
  t.same(topicsOf(events.routes), ['order.paid', 'orders', 'more'])
  t.ok(Object.isFrozen(events.routes[0]))
})

t.test('what is wrong with a route is named by its key', async (t) => {
  const at = 'events.routes.0'
  t.same(await routes(t, { ...ROUTE, event: 'a*b' }), [
    `${at}.event must be an event type of 1 to 255 characters; it may have one * at its end`,
    `${at}.topics is needed: no topic can be called a*b`,
  ])
  t.same(await routes(t, { ...ROUTE, event: 'order.*' }), [
    `${at}.topics is needed: no topic can be called order.*`,
  ])
  t.match(await routes(t, { ...ROUTE, topics: ['a b'] }), [`${at}.topics has a b, which cannot be a topic`])
  t.match(await routes(t, { ...ROUTE, when: 'data.(' }), [
    new RegExp(`^${at}.when is no JMESPath expression: .`),
  ])
  t.same(await routes(t, { ...ROUTE, notifications: [] }), [
    `${at}.notifications is empty; expected what the event becomes`,
  ])
  t.match(await routes(t, { ...ROUTE, name: 'a:b' }), [new RegExp(`^${at}.name must begin with a letter`)])
  t.same(await routes(t, ROUTE, ROUTE), [
    'events.routes.1.name must be another one than order.paid: so is events.routes.0 called',
  ])
  t.same(await routes(t, { ...ROUTE, also: 1 }), [`${at}.also is not a known key`])
  t.match(await problems(t, { default_tenant: 'x'.repeat(65) }), [/^events.default_tenant must be a tenant/])
})

t.test('what is wrong with a notification is named by its key', async (t) => {
  const at = 'events.routes.0.notifications.0'
  t.same(await routes(t, { ...ROUTE, notifications: [{}] }), [
    `${at}.tenant_id is missing`,
    `${at}.user_id is missing`,
    `${at}.channel is missing`,
    `${at} needs template_id, or title and content`,
  ])
  t.same(await notification(t, { chanel: 'email' }), [`${at}.chanel is not a known key`])
  t.match(await notification(t, { channel: 'fax' }), [`${at}.channel must be one of email, sms`])
  t.match(await notification(t, { priority: 1 }), [`${at}.priority must be one of low, medium`])
  t.same(await notification(t, { title: 7 }), [`${at}.title must be a text`])
  t.match(await notification(t, { metadata: 'x' }), [`${at}.metadata must be a section with keys`])
  t.match(await notification(t, { title: '=data.' }), [
    `${at}.title is no JMESPath expression: something is missing`,
  ])
  t.match(await notification(t, { variables: { a: { b: ['=shout(data)'] } } }), [
    `${at}.variables.a.b.0 is no JMESPath expression: Unknown function: shout()`,
  ])
  t.match(await notification(t, { name: '1' }), [`${at}.name must begin with a letter`])
  t.same(
    await routes(t, {
      ...ROUTE,
      notifications: [
        { ...ENTRY, name: 'a' },
        { ...ENTRY, name: 'a' },
      ],
    }),
    [
      'events.routes.0.notifications.1.name must be another one than a: so is events.routes.0.notifications.0 called',
    ],
  )
  const fine = { user_id: ['ada', '=data.user_id'], channel: '=data.channel', metadata: '=data', title: '==' }
  t.same(await notification(t, fine), [])
})
