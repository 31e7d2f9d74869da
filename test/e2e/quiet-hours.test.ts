import t, { type Test } from 'tap'
import { FILE_TIMEOUT_MS } from '../support/chaos.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { startSmtp } from '../support/smtp.js'
import { startTimeTravel } from '../support/time-travel.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SHORTLY_BEFORE_MS = 5_000

type Window = readonly [start: string, end: string]

/** What becomes of a mail that is accepted at a moment: until when it waits; null: it is sent at once. */
type Outcome = readonly [moment: string, until: string | null]

interface User {
  readonly user: string
  /** Null: as configured, from 22:00 to 08:00. */
  readonly windows: readonly Window[] | null
  readonly outcomes: readonly Outcome[]
}

interface Night {
  readonly name: string
  readonly timezone: string
  readonly users: readonly User[]
  /** Whose mails are waited for. */
  readonly arrives?: string
}

interface Waiting {
  readonly id: string
  readonly until: number
}

/** In the order of their time, so that the clock never goes back. */
const NIGHTS: readonly Night[] = [
  {
    name: 'Berlin in spring: after 01:59 comes 03:00, at 01:00 UTC',
    timezone: 'Europe/Berlin',
    users: [
      { user: 'configured', windows: null, outcomes: [['2031-03-30T00:30Z', '2031-03-30T06:00Z']] },
      { user: 'gap', windows: [['23:00', '02:30']], outcomes: [['2031-03-30T00:30Z', '2031-03-30T01:00Z']] },
      { user: 'later', windows: [['02:15', '03:30']], outcomes: [['2031-03-30T00:30Z', null]] },
      {
        user: 'adjacent',
        windows: [
          ['02:30', '03:45'],
          ['22:00', '02:30'],
        ],
        outcomes: [['2031-03-30T00:30Z', '2031-03-30T01:45Z']],
      },
      { user: 'none', windows: [], outcomes: [['2031-03-30T00:30Z', null]] },
    ],
    arrives: 'gap',
  },
  {
    name: 'Lord Howe in autumn: after 01:59 comes 01:30, at 15:00 UTC',
    timezone: 'Australia/Lord_Howe',
    users: [
      {
        user: 'configured',
        windows: null,
        outcomes: [
          ['2031-04-05T14:35Z', '2031-04-05T21:30Z'],
          ['2031-04-05T15:05Z', '2031-04-05T21:30Z'],
        ],
      },
      {
        user: 'twice',
        windows: [['22:00', '01:45']],
        outcomes: [
          ['2031-04-05T14:35Z', '2031-04-05T14:45Z'],
          ['2031-04-05T15:05Z', '2031-04-05T15:15Z'],
        ],
      },
      {
        user: 'adjacent',
        windows: [
          ['22:00', '01:40'],
          ['01:40', '02:15'],
        ],
        outcomes: [
          ['2031-04-05T14:35Z', '2031-04-05T15:45Z'],
          ['2031-04-05T15:05Z', '2031-04-05T15:45Z'],
        ],
      },
    ],
    arrives: 'twice',
  },
  {
    name: 'Lord Howe in spring: after 01:59 comes 02:30, at 15:30 UTC',
    timezone: 'Australia/Lord_Howe',
    users: [
      { user: 'configured', windows: null, outcomes: [['2031-10-04T15:10Z', '2031-10-04T21:00Z']] },
      { user: 'gap', windows: [['23:00', '02:15']], outcomes: [['2031-10-04T15:10Z', '2031-10-04T15:30Z']] },
      { user: 'by-day', windows: [['09:00', '17:00']], outcomes: [['2031-10-04T15:10Z', null]] },
    ],
  },
  {
    name: 'Berlin in autumn: after 02:59 comes 02:00, at 01:00 UTC',
    timezone: 'Europe/Berlin',
    users: [
      {
        user: 'configured',
        windows: null,
        outcomes: [
          ['2031-10-26T00:10Z', '2031-10-26T07:00Z'],
          ['2031-10-26T01:10Z', '2031-10-26T07:00Z'],
        ],
      },
      {
        user: 'twice',
        windows: [['22:00', '02:30']],
        outcomes: [
          ['2031-10-26T00:10Z', '2031-10-26T00:30Z'],
          ['2031-10-26T01:10Z', '2031-10-26T01:30Z'],
        ],
      },
      {
        user: 'later',
        windows: [['02:45', '03:15']],
        outcomes: [
          ['2031-10-26T00:10Z', null],
          ['2031-10-26T01:10Z', null],
        ],
      },
    ],
  },
]

const time = await startTimeTravel(t, Date.parse('2031-03-30T00:00Z'))
const comings: number[] = []
const smtp = await startSmtp(t, {
  onMailFrom: (_address, _session, done) => {
    comings.push(Date.now())
    done()
  },
})
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { start: '22:00', end: '08:00', timezone: 'UTC', channels: ['email'], spread: '0s' },
  },
  env: { ...time.stack.env, SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}`, LOG_LEVEL: 'debug' },
})
const service = await daemon.sender()

for (const [number, { name, timezone, users, arrives }] of NIGHTS.entries())
  t.test(name, async (t) => {
    const nameOf = (user: string): string => `${user}-${number}`
    const mailTo = (user: string) => ({ user_id: nameOf(user), channel: 'email' })
    for (const { user, windows } of users) {
      const entry = {
        email: `${MARK}-${user}@example.org`,
        timezone,
        quiet_hours: windows?.map(([start, end]) => ({ start, end })) ?? null,
      }
      const { status, text } = await service.call('PUT', `/api/v1/recipients/${nameOf(user)}`, entry)
      t.equal(status, 200, text)
    }
    const moments = new Set(users.flatMap(({ outcomes }) => outcomes.map(([moment]) => moment)))
    for (const moment of moments) {
      let waiting: Waiting | undefined
      await time.to(Date.parse(moment), daemon)
      for (const { user, outcomes } of users) {
        const [, until = null] = outcomes.find(([when]) => when === moment) ?? []
        const { body } = await service.send(mailTo(user))
        const said = `${user} at ${moment}`
        if (until === null) {
          t.match(await service.final(body.id), { status: 'sent' }, said)
          continue
        }
        const waits = { status: 'pending', reason: 'quiet_hours' }
        t.match(body, { ...waits, deferred_until: new Date(until).toISOString() }, said)
        const critical = await service.accepted({ ...mailTo(user), priority: 'critical' })
        t.match(await service.final(critical), { status: 'sent' }, 'critical passes')
        t.match(await service.detail(body.id), { ...waits, attempts: [] }, 'and nothing else')
        if (user === arrives) waiting ??= { id: body.id, until: Date.parse(until) }
      }
      if (waiting !== undefined) await arrival(t, waiting)
    }
  })

async function arrival(t: Test, { id, until }: Waiting): Promise<void> {
  const before = comings.length
  await time.to(until - SHORTLY_BEFORE_MS, daemon)
  t.match(await service.final(id), { status: 'sent' })
  t.ok(smtp.mails.at(-1)?.raw.includes(id), 'it has come')
  t.same(
    comings.slice(before).filter((local) => time.at(local) < until),
    [],
    'and not early',
  )
}

t.test('the log', async (t) => checkLog(t, daemon))
