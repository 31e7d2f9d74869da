import t from 'tap'
import { quietUntil } from '../../src/model/quiet-hours.js'
import { type Recipient, type Subscription, UNKNOWN } from '../../src/model/recipient.js'
import { OPTIONS, runningStreams } from '../support/streams.js'

const rule = (changes: Partial<Subscription>): Subscription => ({
  scope: 'type',
  name: 'news',
  channel: null,
  enabled: false,
  frequency: 'immediate',
  ...changes,
})

t.test('what the recipient has turned off is suppressed, and what nobody can turn off is not', async (t) => {
  const { submit } = await runningStreams(t, async () => ({}), {
    recipient: (userId): Recipient => ({
      ...UNKNOWN,
      blocked: userId === 'blocked',
      subscriptions:
        userId === 'quiet'
          ? [
              rule({}),
              rule({ scope: 'all', name: '', channel: 'email' }),
              rule({ scope: 'group', name: 'system' }),
            ]
          : userId === 'keen'
            ? [rule({ scope: 'group', name: 'marketing', enabled: true })]
            : [],
    }),
    options: {
      consent: { groups: new Map([['offers', 'marketing']]), optIn: new Set(['marketing', 'beta']) },
    },
  })
  const status = async (
    userId: string,
    notificationType: string,
    channel: 'email' | 'webhook' = 'webhook',
  ) => {
    const { status, reason } = await submit({ userId, notificationType, channel, priority: 'critical' })
    return reason === null ? status : `${status} ${reason}`
  }
  t.equal(await status('blocked', 'system'), 'suppressed blocked', 'not even system, not even critical')
  t.equal(await status('quiet', 'news'), 'suppressed not_subscribed')
  t.equal(await status('quiet', 'other'), 'pending')
  t.equal(await status('quiet', 'other', 'email'), 'suppressed not_subscribed')
  t.equal(await status('quiet', 'system.password', 'email'), 'pending')
  for (const type of ['marketing', 'marketing.sale', 'offers', 'beta'])
    t.equal(await status('nobody', type), 'suppressed not_subscribed', `${type} is for those who asked`)
  for (const type of ['marketing', 'marketing.sale', 'offers'])
    t.equal(await status('keen', type), 'pending', `${type} was asked for`)
})

t.test('the address comes from the directory, that of the day on which it is sent', async (t) => {
  let email = 'old@example.org'
  const sent: unknown[] = []
  const { submit, ended, row, pool, queue } = await runningStreams(
    t,
    async ({ metadata }) => {
      sent.push(metadata)
      return {}
    },
    { recipient: (userId) => ({ ...UNKNOWN, email: userId === 'known' ? email : null }) },
  )
  const later = await submit({
    userId: 'known',
    channel: 'email',
    metadata: { a: 1 },
    scheduledAt: Date.now() + 86_400_000,
  })
  t.same((await row(later.id)).metadata, { a: 1 }, 'not kept while it waits')
  const now = await submit({ userId: 'known', channel: 'email', metadata: {} })
  t.match(await ended(now.id, 'sent'), { metadata: { email: 'old@example.org' } })
  email = 'new@example.org'
  await pool.query('UPDATE notifications SET due_at = now(), scheduled_at = now() WHERE id = $1', [later.id])
  await queue.delay([{ id: later.id, tenantId: 'acme', dueAt: Date.now() - 1_000 }])
  t.match(await ended(later.id, 'sent'), { metadata: { a: 1, email: 'new@example.org' } })
  t.same(sent, [{ email: 'old@example.org' }, { a: 1, email: 'new@example.org' }])
  await t.rejects(submit({ userId: 'unknown', channel: 'email', metadata: {} }), {
    code: 'invalid_address',
    errors: [{ field: '/metadata/email' }],
  })
  const given = await submit({ userId: 'known', channel: 'email', metadata: { email: 'given@example.org' } })
  t.match(await ended(given.id, 'sent'), { metadata: { email: 'given@example.org' } })
})

t.test('quiet hours are the recipient’s own, in their zone', async (t) => {
  const windows = [{ start: 0, end: 1_439 }]
  const { submit } = await runningStreams(t, async () => ({}), {
    recipient: (userId) => ({
      ...UNKNOWN,
      timezone: userId === 'lord' ? 'Australia/Lord_Howe' : null,
      quietHours: userId === 'owl' ? [] : userId === 'lord' ? windows : null,
    }),
    options: { quietHours: { ...OPTIONS.quietHours, windows, timezone: 'UTC' } },
  })
  const answer = async (userId: string) => submit({ userId, channel: 'email' })
  const before = Date.now()
  const [lord, anybody, owl] = [await answer('lord'), await answer('anybody'), await answer('owl')]
  const until = [quietUntil(windows, 'Australia/Lord_Howe', before), quietUntil(windows, 'UTC', before)]
  t.same([lord.deferredUntil, anybody.deferredUntil, owl.deferredUntil], [...until, null])
})

t.test('the limit of a channel holds by itself, and critical passes', async (t) => {
  const { submit } = await runningStreams(t, async () => ({}), {
    options: { rateLimits: null, channelLimits: new Map([['email', 2]]) },
  })
  const statuses: string[] = []
  for (let n = 0; n < 3; n += 1) statuses.push((await submit({ channel: 'email' })).status)
  t.same(statuses, ['pending', 'pending', 'suppressed'])
  t.match(await submit({ channel: 'email', priority: 'critical' }), { status: 'pending' })
  t.match(await submit({ channel: 'webhook' }), { status: 'pending' })
})

t.test('a template is filled in for the recipient, and the row says with which text', async (t) => {
  const text = (title: string) => ({
    title,
    content: `${title} {{ who }} {{ greeting }} {{ recipient.user_id }}`,
  })
  const { submit, row } = await runningStreams(t, async () => ({}), {
    recipient: (userId) => ({ ...UNKNOWN, locale: userId === 'english' ? 'en-GB' : null }),
    templates: async (keys) =>
      keys.map(({ id }) =>
        id === 'none'
          ? null
          : {
              id,
              version: 7,
              channel: 'in_app' as const,
              defaultLocale: 'zh',
              variables: [{ name: 'who' }, { name: 'greeting', default: 'hi' }],
              variants: [
                { name: 'only', weight: 1, texts: { zh: text('zh'), en: text('en'), fr: text('fr') } },
              ],
            },
      ),
  })
  const send = { templateId: 'tmpl', channel: 'in_app', variables: { who: 'A' } } as const
  const [english, anybody, french] = await Promise.all([
    submit({ ...send, userId: 'english' }),
    submit({ ...send, userId: 'anybody', variables: { who: 'B', greeting: 'yo' } }),
    submit({ ...send, userId: 'english', locale: 'fr-CA' }),
  ])
  const used = { template_id: 'tmpl', template_version: 7, template_variant: 'only' }
  t.match(await row(english.id), { ...used, locale: 'en', title: 'en', content: 'en A hi english' })
  t.match(await row(anybody.id), { ...used, locale: 'zh', content: 'zh B yo anybody' })
  t.match(await row(french.id), { ...used, locale: 'fr', content: 'fr A hi english' })
  await t.rejects(submit({ ...send, variables: {} }), {
    code: 'variable_missing',
    errors: [{ field: '/variables/who' }],
  })
  await t.rejects(submit({ ...send, templateId: 'none' }), { code: 'template_not_found' })
  await t.rejects(submit({ ...send, channel: 'webhook' }), {
    code: 'template_not_found',
    message: /for in_app, not for webhook/,
  })
})

t.test('a time zone that this runtime does not know harms nobody', async (t) => {
  const windows = [{ start: 0, end: 1_439 }]
  const { submit } = await runningStreams(t, async () => ({}), {
    recipient: (userId) => ({
      ...UNKNOWN,
      timezone: userId === 'odd' ? '+08:00' : userId === 'gone' ? 'Atlantis/Capital' : null,
      subscriptions: [rule({ scope: 'group', name: 'activity', enabled: true, frequency: 'daily' })],
    }),
    options: { quietHours: { ...OPTIONS.quietHours, windows } },
  })
  const type = { channel: 'email', notificationType: 'system' } as const
  for (const userId of ['odd', 'gone', 'other']) {
    t.match(await submit({ ...type, userId }), { reason: 'quiet_hours' })
    t.match(await submit({ userId }), { reason: 'digest' })
  }
})
