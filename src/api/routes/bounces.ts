import { Failure } from '../../model/failure.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { readReport } from '../mail/report.js'
import type { ServerOptions } from '../options.js'
import { type BounceOutcome, recordReport } from '../requests/bounces.js'
import { BouncesAnswer, ReportBody } from '../schemas/bounces.js'

const MAIL_TYPE = 'message/rfc822'
/** Some servers return the whole mail, attachments and all. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024

/** `POST /bounces`: what comes back of mail, handed in by whoever reads the mailbox. */
export function bounceRoutes(api: Api, options: ServerOptions): void {
  api.register(async (mail: Api) => bounceRoute(mail, options))
}

function bounceRoute(api: Api, { notifications, suppressions, bounces, telemetry }: ServerOptions): void {
  const ports = { notifications, suppressions, bounces, log: telemetry.log }
  api.removeAllContentTypeParsers()
  api.addContentTypeParser(MAIL_TYPE, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)
  api.addContentTypeParser('*', async () => {
    throw new Failure('unsupported_media_type', `send the mail as ${MAIL_TYPE}`)
  })
  api.post(
    '/bounces',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        summary: 'Hand in a report about mail that came back',
        description:
          'An address that does not exist, or whose reader complains, is put on the suppression list. Handing in a report again changes nothing.',
        tags: ['suppressions'],
        consumes: [MAIL_TYPE],
        body: ReportBody,
        response: { 200: BouncesAnswer },
      },
      // There is nothing in it that a schema could check.
      validatorCompiler: () => (value: unknown) => ({ value }),
      config: { roles: ['sender', 'admin'] },
    },
    async (request) => {
      if (!Buffer.isBuffer(request.body)) throw new Failure('validation_failed', 'the body is empty')
      // Its structure is ASCII; each byte is a character, so that none is lost or joined to another.
      const report = readReport(request.body.toString('latin1'))
      const outcomes = await recordReport(callerOf(request).tenantId, report, ports)
      return { kind: report.kind, notification_id: report.notificationId, recipients: outcomes.map(shown) }
    },
  )
}

const shown = ({ address, action, status, result }: BounceOutcome) => ({ address, action, status, result })
