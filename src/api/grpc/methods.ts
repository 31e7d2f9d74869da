import type { Metadata } from '@grpc/grpc-js'
import { Type } from 'typebox'
import type { Span } from '../../telemetry/tracing.js'
import { batchAnswer, notificationAnswer, sendAnswer } from '../answers.js'
import { requireTenant } from '../auth/access.js'
import { bodyReader } from '../http/validation.js'
import type { Identity } from '../ports.js'
import { readIdempotency } from '../requests/idempotency.js'
import { BatchBody } from '../schemas/batch.js'
import { SendHeaders } from '../schemas/headers.js'
import { IdParams, InboxQuery } from '../schemas/notification.js'
import { SendBody } from '../schemas/send.js'
import { UserParams } from '../schemas/users.js'
import type { Inbox } from '../use-cases/inbox.js'
import type { Sending } from '../use-cases/sending.js'
import { bodyOf } from './bodies.js'
import { traceparentOf } from './call-span.js'
import { batchMessage, notificationMessage, sendMessage } from './messages.js'
import type { MethodName } from './service.js'

/** A call whose token was verified. */
export interface Call {
  readonly caller: Identity
  readonly message: object
  readonly metadata: Metadata
  /** Null where nothing is recorded. */
  readonly span: Span | null
  /** Called right before something is done that stays; throws when the caller does not wait any more. */
  readonly proceed: () => void
  /** Tells the caller that an earlier call was answered again. */
  readonly markReplayed: () => void
}

export type Methods = Readonly<Record<MethodName, (call: Call) => Promise<object>>>

const readSend = bodyReader(SendBody)
const readBatch = bodyReader(BatchBody)
const readHeaders = bodyReader(SendHeaders)
const readList = bodyReader(
  Type.Object({ ...UserParams.properties, ...InboxQuery.properties }, { additionalProperties: false }),
)
const readUser = bodyReader(UserParams)
const readId = bodyReader(IdParams)

/** The five methods: what differs from HTTP is how a request is read and an answer written, and nothing else. */
export function methods({ sending, inbox }: { readonly sending: Sending; readonly inbox: Inbox }): Methods {
  return {
    async SendNotification({ caller, message, metadata, span, proceed, markReplayed }) {
      const body = readSend(bodyOf(message))
      requireTenant(caller, body.tenant_id)
      const origin = originOf('send', metadata, span, body)
      proceed()
      const { value, replayed } = await sending.send(body, origin)
      if (replayed) markReplayed()
      return sendMessage(sendAnswer(value))
    },
    async SendBulkNotification({ caller, message, metadata, span, proceed, markReplayed }) {
      const body = readBatch(bodyOf(message))
      requireTenant(caller, body.tenant_id)
      const origin = originOf('batch', metadata, span, body)
      proceed()
      const { value, replayed } = await sending.sendBatch(body, origin)
      if (replayed) markReplayed()
      return batchMessage(batchAnswer(value))
    },
    async GetUserNotifications({ caller, message, proceed }) {
      const { user_id, ...request } = readList(bodyOf(message))
      proceed()
      const { items, nextCursor } = await inbox.list(caller, user_id, request)
      return {
        notifications: items.map((record) => notificationMessage(notificationAnswer(record))),
        next_cursor: nextCursor,
      }
    },
    async MarkAsRead({ caller, message, proceed }) {
      const { id } = readId(bodyOf(message))
      proceed()
      const record = await inbox.change(caller, id, 'read')
      return { notification: notificationMessage(notificationAnswer(record)) }
    },
    async GetUnreadCount({ caller, message, proceed }) {
      const { user_id } = readUser(bodyOf(message))
      proceed()
      return { user_id, unread_count: await inbox.unreadCount(caller, user_id) }
    },
  }
}

/** What comes in headers over HTTP. */
function originOf(operation: 'send' | 'batch', metadata: Metadata, span: Span | null, body: object) {
  const key = metadata.get('idempotency-key')[0]?.toString()
  if (key !== undefined) readHeaders({ 'idempotency-key': key })
  return {
    traceparent: traceparentOf(span, metadata),
    idempotency: readIdempotency(operation, key, body),
  }
}
