import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Attachment } from '../../src/model/attachment.js'
import { readFiles } from '../support/attachments.js'
import { ADDRESS, failureOf, mailTo, NEVER, smtpSink } from '../support/email.js'
import { startSmtp } from '../support/smtp.js'

const invoice = randomBytes(100_000)
const logo = Buffer.from('89504e470d0a1a0a', 'hex')

/** A store that counts how often it is read. */
function kept(contents: Readonly<Record<string, Buffer>>) {
  const reads: string[] = []
  return {
    reads,
    read: async (tenantId: string, ids: readonly string[]) => {
      reads.push(`${tenantId} ${ids.join()}`)
      return new Map(Object.entries(contents).filter(([id]) => ids.includes(id)))
    },
  }
}

const pdf: Attachment = {
  id: 'att_1',
  filename: '账单 "March".pdf',
  contentType: 'application/pdf',
  contentId: null,
  size: invoice.length,
}
const image: Attachment = {
  id: 'att_2',
  filename: 'logo.png',
  contentType: 'image/png',
  contentId: 'logo@sender.example',
  size: logo.length,
}

t.test('files stand beside the text, images in it', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port, { attachments: kept({ att_1: invoice, att_2: logo }) })
  const content = '<p>Hello <img src="cid:logo@sender.example"></p>'
  await sink.send(mailTo(ADDRESS, { content, attachments: [pdf, image] }), NEVER)
  const mail = await readFiles(server.mails[0]?.raw ?? '')
  t.equal(mail.html, content)
  t.equal(mail.text, 'Hello')
  t.same(
    mail.files.map(({ content: _content, ...file }) => file),
    [
      { filename: 'logo.png', type: 'image/png', disposition: 'inline', contentId: '<logo@sender.example>' },
      { filename: pdf.filename, type: 'application/pdf', disposition: 'attachment', contentId: null },
    ],
  )
  t.ok(mail.files[0]?.content.equals(logo))
  t.ok(mail.files[1]?.content.equals(invoice))
  t.ok(
    server.mails[0]?.raw.split('\r\n').every((line) => line.length <= 998),
    'lines are as short as RFC 5322 wants',
  )
})

t.test('what a batch shares is read once, each tenant its own', async (t) => {
  const server = await startSmtp(t)
  const store = kept({ att_1: invoice })
  const sink = smtpSink(t, server.port, { attachments: store, poolSize: 5 })
  const mail = (tenantId: string) => sink.send(mailTo(ADDRESS, { tenantId, attachments: [pdf] }), NEVER)
  await Promise.all(Array.from({ length: 10 }, () => mail('acme')))
  await mail('acme')
  await mail('globex')
  t.equal(server.mails.length, 12)
  t.same(store.reads, ['acme att_1', 'globex att_1'])
})

t.test('what is remembered has an end', async (t) => {
  const server = await startSmtp(t)
  const large = Buffer.alloc(5 * 1_024 * 1_024)
  const contents = Object.fromEntries([1, 2, 3, 4].map((n) => [`att_${n}`, large]))
  const store = kept(contents)
  const sink = smtpSink(t, server.port, { attachments: store })
  // The third that fits into 16 MB makes the first one go; nothing is sent, to save time.
  for (const id of ['att_1', 'att_2', 'att_3', 'att_4', 'att_4', 'att_1']) {
    const file = { ...pdf, id, size: large.length }
    const sending = failureOf(sink.send(mailTo('no address', { attachments: [file] }), NEVER))
    t.match(await sending, { code: 'invalid_address' })
  }
  t.same(
    store.reads.map((read) => read.slice(-5)),
    ['att_1', 'att_2', 'att_3', 'att_4', 'att_1'],
  )
})

t.test('a content that is gone is refused, a store that is away is asked again', async (t) => {
  const server = await startSmtp(t)
  const gone = smtpSink(t, server.port, { attachments: kept({}) })
  t.match(await failureOf(gone.send(mailTo(ADDRESS, { attachments: [pdf] }), NEVER)), {
    code: 'rejected',
    retryable: false,
    message: 'the content of an attachment is not kept any more',
  })
  const lost = new Error('no connection')
  let away = true
  const contents = kept({ att_1: invoice })
  const sink = smtpSink(t, server.port, {
    attachments: {
      read: async (tenantId, ids) => {
        if (away) throw lost
        return contents.read(tenantId, ids)
      },
    },
  })
  const notification = mailTo(ADDRESS, { attachments: [pdf] })
  t.match(await failureOf(sink.send(notification, NEVER)), {
    code: 'unavailable',
    retryable: true,
    cause: lost,
  })
  away = false
  await sink.send(notification, NEVER)
  t.equal(server.mails.length, 1)
})

t.test('a store that hangs holds a delivery up no longer than it may take', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port, { attachments: { read: () => new Promise(() => undefined) } })
  const abort = new AbortController()
  const stuck = failureOf(sink.send(mailTo(ADDRESS, { attachments: [pdf] }), abort.signal))
  const reason = new Error('too slow')
  abort.abort(reason)
  t.match(await stuck, { code: 'timeout', retryable: true, cause: reason })
})
