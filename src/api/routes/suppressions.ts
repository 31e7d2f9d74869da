import { ADDRESS_FIELD, givenAddress } from '../../model/address.js'
import { Failure } from '../../model/failure.js'
import type { Channel } from '../../model/notification.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import type { SuppressionRecord } from '../ports.js'
import { type MessageRules, spelled } from '../requests/message.js'
import { isoTime } from '../requests/time.js'
import { Nothing } from '../schemas/blocklist.js'
import {
  SuppressionAnswer,
  SuppressionBody,
  SuppressionQuery,
  SuppressionsAnswer,
  SuppressionsQuery,
} from '../schemas/suppressions.js'

const PAGE = 20

/** Addresses to which nothing is sent: they bounced, complained, or were named by the operator. */
export function suppressionRoutes(api: Api, { suppressions, rules }: ServerOptions): void {
  const tags = ['suppressions']
  const roles = ['sender', 'admin'] as const
  api.post(
    '/suppressions',
    {
      schema: {
        summary: 'Send nothing more to an address',
        description: 'Nothing at all: critical and system notifications are suppressed as well.',
        tags,
        body: SuppressionBody,
        response: { 200: SuppressionAnswer },
      },
      config: { roles },
    },
    async (request) => {
      const { channel, reason, note = null } = request.body
      requireAddress(channel, request.body.address, rules)
      const address = spelledAddress(channel, request.body.address, rules)
      const { tenantId } = callerOf(request)
      return suppressionAnswer(await suppressions.add({ tenantId, channel, address }, reason, note))
    },
  )
  api.get(
    '/suppressions',
    {
      schema: {
        summary: 'List the addresses to which nothing is sent',
        tags,
        querystring: SuppressionsQuery,
        response: { 200: SuppressionsAnswer },
      },
      config: { roles },
    },
    async (request) => {
      const { channel = null, limit = PAGE, cursor = null } = request.query
      const { address: written = null } = request.query
      const address = channel === null || written === null ? written : spelledAddress(channel, written, rules)
      const { tenantId } = callerOf(request)
      const page = await suppressions.list(tenantId, { channel, address }, { limit, cursor })
      return { suppressions: page.items.map(suppressionAnswer), next_cursor: page.nextCursor }
    },
  )
  api.delete(
    '/suppressions',
    {
      schema: {
        summary: 'Send to an address again',
        tags,
        querystring: SuppressionQuery,
        response: { 204: Nothing },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request, reply) => {
      const { channel } = request.query
      const address = spelledAddress(channel, request.query.address, rules)
      const removed = await suppressions.remove({ tenantId: callerOf(request).tenantId, channel, address })
      if (!removed) throw new Failure('not_found', 'the address is not suppressed')
      return reply.code(204).send(null)
    },
  )
}

/** What can never be sent to need not be suppressed: it is a slip of the pen. */
function requireAddress(channel: Channel, address: string, { checks }: MessageRules): void {
  const field = ADDRESS_FIELD[channel]
  const error = field === null ? null : checks[channel]({ [field]: address.trim() }, '')
  if (error !== null) throw validationFailed([{ field: '/address', message: error.message }])
}

/** As notifications have it. */
function spelledAddress(channel: Channel, address: string, rules: MessageRules): string {
  const field = ADDRESS_FIELD[channel]
  if (field === null) return address
  return givenAddress(channel, spelled({ [field]: address.trim() }, rules)) ?? address
}

export const suppressionAnswer = (record: SuppressionRecord): SuppressionAnswer => ({
  channel: record.channel,
  address: record.address,
  reason: record.reason,
  note: record.note,
  created_at: isoTime(record.createdAt),
})
