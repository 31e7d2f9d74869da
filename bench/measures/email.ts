import { createTransport } from 'nodemailer'
import { createEmailSink } from '../../src/sinks/email/index.js'
import { createLog } from '../../src/telemetry/log.js'
import { atOnce } from '../load/at-once.js'
import { aNotification } from '../load/notification.js'
import type { Measure } from '../measure.js'
import { alternate, figure, RATE } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { number } from '../stand/fields.js'

const CONNECTIONS = 10
const HOST = '127.0.0.1'
const FROM = 'Bench <bench@example.com>'
const TO = 'ada@example.com'
const TIMEOUT_MS = 10_000

/** The sink beside a bare nodemailer pool of as many connections that sends the same two parts. */
export const email: Measure = {
  name: 'email',
  async run(stand, { rounds, seconds }) {
    const receiver = startChild('smtp-receiver')
    stand.defer(() => receiver.stop())
    const port = number(await receiver.ask('listen'), 'port')
    const sink = createEmailSink({
      from: FROM,
      timeouts: { connectMs: TIMEOUT_MS, greetingMs: TIMEOUT_MS, deliveryMs: TIMEOUT_MS },
      transport: {
        kind: 'smtp',
        host: HOST,
        port,
        login: null,
        secure: false,
        requireTls: false,
        poolSize: CONNECTIONS,
        idleMs: TIMEOUT_MS,
      },
      bounceAddress: null,
      dkim: null,
      attachments: { read: async () => new Map() },
      bounces: { bounced: async () => undefined },
      unsubscribeLinks: null,
      log: createLog('silent'),
    })
    stand.defer(() => sink.close())
    const mailer = createTransport({
      pool: true,
      host: HOST,
      port,
      maxConnections: CONNECTIONS,
      maxMessages: Number.POSITIVE_INFINITY,
    })
    stand.defer(async () => mailer.close())
    const notification = aNotification({ channel: 'email', metadata: { email: TO } })
    const { title, content } = notification

    const ours = () => sink.send(notification, new AbortController().signal)
    const bare = () => mailer.sendMail({ from: FROM, to: TO, subject: title, text: content, html: content })
    const half = seconds / 2
    await atOnce(CONNECTIONS, half, ours)
    await atOnce(CONNECTIONS, half, bare)
    const found = await alternate(
      rounds,
      () => atOnce(CONNECTIONS, half, ours),
      () => atOnce(CONNECTIONS, half, bare),
    )
    return [
      figure(`email sends, ${CONNECTIONS} connections`, 'perSecond', RATE, found, {
        what: 'bare nodemailer pool',
        reach: { share: 0.7 },
      }),
    ]
  },
}
