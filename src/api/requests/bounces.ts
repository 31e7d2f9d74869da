import { canonicalAddress, givenAddress } from '../../model/address.js'
import { isUnreachable } from '../../model/mailbox-status.js'
import type { SuppressionReason } from '../../model/recipient.js'
import type { Log } from '../../telemetry/log.js'
import type { MailReport, RecipientReport } from '../mail/report.js'
import type { Bounces, NotificationRecord, Notifications, Suppressions } from '../ports.js'

export interface BouncePorts {
  readonly notifications: Pick<Notifications, 'find'>
  readonly suppressions: Pick<Suppressions, 'add'>
  readonly bounces: Bounces
  readonly log: Log
}

/** `unmatched`: it is not about a notification of this tenant that went to that address. */
export type BounceResult = 'suppressed' | 'recorded' | 'ignored' | 'unmatched'

export interface BounceOutcome {
  /** Null where the report leaves it out. */
  readonly address: string | null
  readonly action: string
  readonly status: string | null
  readonly result: BounceResult
}

/**
 * Does what a report asks for. Anybody can write to the address that bounces go to, so nothing is
 * believed but what names a notification and where it went. Who was forwarded the mail knows both.
 */
export async function recordReport(
  tenantId: string,
  report: MailReport,
  ports: BouncePorts,
): Promise<readonly BounceOutcome[]> {
  const { notificationId: id } = report
  const record = id === null ? null : await ports.notifications.find(tenantId, id)
  const sent = record?.channel === 'email' ? record : null
  if (report.kind === 'complaint') return [await complained(sent, report.addresses, ports)]
  const outcomes: BounceOutcome[] = []
  for (const recipient of report.recipients) outcomes.push(await bounced(sent, recipient, ports))
  return outcomes
}

async function bounced(
  sent: NotificationRecord | null,
  { addresses, action, status }: RecipientReport,
  ports: BouncePorts,
): Promise<BounceOutcome> {
  const address = sent === null ? null : addressAmong(sent, addresses)
  const outcome = (result: BounceResult): BounceOutcome => {
    tell(ports.log, sent, status, action, result)
    return { address: addresses[0] ?? null, action, status, result }
  }
  if (sent === null || address === null) return outcome('unmatched')
  if (action !== 'failed') return outcome('ignored')
  await ports.bounces.mark(sent.tenantId, sent.id, 'bounced')
  if (!isUnreachable(status)) return outcome('recorded')
  await suppress(ports, sent.tenantId, address, 'bounce', status)
  return outcome('suppressed')
}

async function complained(
  sent: NotificationRecord | null,
  addresses: readonly string[],
  ports: BouncePorts,
): Promise<BounceOutcome> {
  const address = sent === null ? null : addressAmong(sent, addresses)
  const result: BounceResult = sent === null || address === null ? 'unmatched' : 'suppressed'
  if (sent !== null && address !== null) {
    await ports.bounces.mark(sent.tenantId, sent.id, 'complained')
    await suppress(ports, sent.tenantId, address, 'complaint', null)
  }
  tell(ports.log, sent, null, 'complaint', result)
  return { address: addresses[0] ?? null, action: 'complaint', status: null, result }
}

/** Where the notification went, when that is one of these. */
function addressAmong({ metadata }: NotificationRecord, addresses: readonly string[]): string | null {
  const own = givenAddress('email', metadata)
  if (own === null) return null
  const canonical = canonicalAddress('email', own)
  return addresses.some((address) => canonicalAddress('email', address) === canonical) ? own : null
}

const suppress = (
  { suppressions }: BouncePorts,
  tenantId: string,
  address: string,
  reason: SuppressionReason,
  note: string | null,
): Promise<unknown> => suppressions.add({ tenantId, channel: 'email', address }, reason, note)

function tell(
  log: Log,
  sent: NotificationRecord | null,
  status: string | null,
  action: string,
  result: BounceResult,
): void {
  const whose = sent === null ? {} : { notification_id: sent.id, tenant_id: sent.tenantId }
  log.event('email.bounce_reported', { ...whose, channel: 'email', action, status, result })
}
