import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { DeliveryFailure } from '../../model/outcome.js'
import type { Log } from '../../telemetry/log.js'
import { type Dkim, dkimOptions } from './dkim.js'
import type { MailTransport } from './transport.js'

/**
 * Where mail goes when no server is configured: each message becomes the file
 * `<notification id>.eml`, byte for byte what SMTP would carry. Writing it again
 * replaces it, so a repeat after a crash leaves one file.
 */
export function outbox(directory: string, dkim: Dkim | null, log: Log): MailTransport {
  const mailer = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    dkim: dkimOptions(dkim),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    target: null,
    async deliver(message, { id, tenantId, attempt }, signal) {
      const file = join(directory, `${id}.eml`)
      // Each attempt has its own: another process whose lease has ended may still be writing an earlier one.
      const draftOf = (n: number): string => `${file}.${n}.tmp`
      const draft = draftOf(attempt)
      try {
        const { message: bytes } = await mailer.sendMail({ ...message, signal })
        await mkdir(directory, { recursive: true })
        await writeFile(draft, bytes, { mode: 0o600, flush: true, signal })
        await rename(draft, file)
        // Of one that was killed.
        if (attempt > 1) await rm(draftOf(attempt - 1), { force: true })
      } catch (error) {
        if (signal.aborted) throw stopped(signal)
        throw new DeliveryFailure('unavailable', 'the outbox cannot be written', {
          retryable: true,
          cause: error,
        })
      }
      log.event('email.outbox_written', { notification_id: id, tenant_id: tenantId, channel: 'email', file })
      return {}
    },
    close: async () => {},
  }
}

const stopped = (signal: AbortSignal): DeliveryFailure =>
  new DeliveryFailure('timeout', 'stopped before the message was written', {
    retryable: true,
    cause: signal.reason,
  })
