import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { UnsubscribeLinks } from '../../src/model/unsubscribe-links.js'
import { createEmailSink, type EmailSink } from '../../src/sinks/email/index.js'
import type { Log } from '../../src/telemetry/log.js'
import { ADDRESS, failureOf, keptLog, mailTo, NEVER, noExtras } from '../support/email.js'
import { readMail } from '../support/mime.js'
import { unsubscribeLinks } from '../support/unsubscribe.js'

const outboxIn = (directory: string, log: Log, unsubscribeLinks: UnsubscribeLinks | null = null): EmailSink =>
  createEmailSink({
    from: 'billing@sender.example',
    timeouts: { connectMs: 1, greetingMs: 1, deliveryMs: 1 },
    ...noExtras({ unsubscribeLinks }),
    log,
    transport: { kind: 'outbox', directory },
  })

t.test('writes each message as a file that a mail program opens', async (t) => {
  const directory = join(t.testdir({}), 'made', 'on', 'demand')
  const { log, lines } = keptLog()
  const sink = outboxIn(directory, log)
  const notification = mailTo(ADDRESS, {
    title: '账单',
    content: '<p>你好</p>',
    metadata: { email: ADDRESS, name: '张三' },
  })
  t.equal(sink.target(notification), null)
  t.same(await sink.send(notification, NEVER), {})

  const file = join(directory, `${notification.id}.eml`)
  const raw = await readFile(file, 'utf8')
  const { header, parts } = readMail(raw)
  t.equal(header('to'), `张三 <${ADDRESS}>`)
  t.equal(header('subject'), '账单')
  t.equal(header('message-id'), `<${notification.id}@sender.example>`)
  t.equal(parts.get('text/html'), '<p>你好</p>')
  t.equal(parts.get('text/plain'), '你好')
  t.notMatch(raw, /[^\r]\n/, 'lines end as RFC 5322 wants')
  t.equal((await stat(file)).mode & 0o077, 0, 'nobody else may read it')
  t.match(JSON.parse(lines[0] ?? ''), {
    event: 'email.outbox_written',
    notification_id: notification.id,
    channel: 'email',
    file,
  })
  t.notMatch(lines.join(), /reader@/)
  await sink.close()
})

t.test('the file has the unsubscribe headers that SMTP would carry', async (t) => {
  const directory = t.testdir({})
  const links = unsubscribeLinks()
  const sink = outboxIn(directory, keptLog().log, links)
  const notification = mailTo(ADDRESS, { notificationType: 'marketing.sale' })
  await sink.send(notification, NEVER)
  const { header } = readMail(await readFile(join(directory, `${notification.id}.eml`), 'utf8'))
  t.equal(header('list-unsubscribe'), `<${links.linkFor(notification)}>`)
  t.equal(header('list-unsubscribe-post'), 'List-Unsubscribe=One-Click')
})

t.test('a repeat after a crash leaves one whole file', async (t) => {
  const directory = t.testdir({})
  const sink = outboxIn(directory, keptLog().log)
  const notification = mailTo(ADDRESS)
  const name = `${notification.id}.eml`
  const { attempt } = notification
  await writeFile(join(directory, `${name}.${attempt}.tmp`), 'half a messa')
  await sink.send(notification, NEVER)
  await writeFile(join(directory, `${name}.${attempt}.tmp`), 'half a messa')
  await sink.send({ ...notification, attempt: attempt + 1 }, NEVER)
  t.same(await readdir(directory), [name])
  t.ok(readMail(await readFile(join(directory, name), 'utf8')).parts.has('text/html'))
})

t.test('an outbox that cannot be written is tried again later; an abort writes nothing', async (t) => {
  const directory = t.testdir({ file: '' })
  const { log, lines } = keptLog()
  const blocked = await failureOf(outboxIn(join(directory, 'file'), log).send(mailTo(ADDRESS), NEVER))
  t.match(blocked, { code: 'unavailable', retryable: true, cause: Error })
  const aborted = await failureOf(outboxIn(directory, log).send(mailTo(ADDRESS), AbortSignal.abort()))
  t.match(aborted, { code: 'timeout', retryable: true })
  t.same(await readdir(directory), ['file'])
  t.same(lines, [])
})
