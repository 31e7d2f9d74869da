import { fileURLToPath } from 'node:url'
import {
  type Deserialize,
  type MethodDefinition,
  type PackageDefinition,
  loadSync as readProto,
  type ServiceDefinition,
} from '@grpc/proto-loader'
import { Failure } from '../../model/failure.js'
import type { Role } from '../ports.js'

/** Beside package.json, as seen from src/api/grpc and from dist/api/grpc. */
const PROTO = fileURLToPath(
  new URL('../../../proto/notification/v1/notification_service.proto', import.meta.url),
)

export const SERVICE = 'notification.v1.NotificationService'

export type MethodName =
  | 'SendNotification'
  | 'SendBulkNotification'
  | 'GetUserNotifications'
  | 'MarkAsRead'
  | 'GetUnreadCount'

/** Who may call a method; finer rules, such as that users see their own, are where the work is done. */
export const ROLES_OF: Readonly<Record<MethodName, readonly Role[]>> = {
  SendNotification: ['sender', 'admin'],
  SendBulkNotification: ['sender', 'admin'],
  GetUserNotifications: ['user', 'sender', 'admin'],
  MarkAsRead: ['user', 'admin'],
  GetUnreadCount: ['user', 'sender', 'admin'],
}

/** By the path of a call; null: it is none of ours. */
export function methodAt(path: string): MethodName | null {
  const name = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : ''
  return isMethod(name) ? name : null
}

const PREFIX = `/${SERVICE}/`
const isMethod = (name: string): name is MethodName => Object.hasOwn(ROLES_OF, name)

/** A message as it came in, or why it cannot be read. */
export type Received = { readonly message: object } | { readonly failure: Failure }

/** What the proto file says. */
export function loadService(): PackageDefinition {
  // Only what is set is there. Fields are called as in the file, which is as in the HTTP API.
  return readProto(PROTO, { keepCase: true, longs: Number, enums: String })
}

/**
 * The methods, with requests that are judged before they are read: gRPC would answer INTERNAL for a message
 * that is broken, and without a code for one that is too large.
 */
export function methodsOf(
  definition: PackageDefinition,
  maxBytes: Readonly<Record<MethodName, number>>,
): ServiceDefinition {
  const judged = (name: MethodName): MethodDefinition<object, object> => {
    const method = methodOf(definition, name)
    return { ...method, requestDeserialize: judging(method.requestDeserialize, maxBytes[name]) }
  }
  return {
    SendNotification: judged('SendNotification'),
    SendBulkNotification: judged('SendBulkNotification'),
    GetUserNotifications: judged('GetUserNotifications'),
    MarkAsRead: judged('MarkAsRead'),
    GetUnreadCount: judged('GetUnreadCount'),
  }
}

function judging(read: Deserialize<object>, maxBytes: number): Deserialize<Received> {
  return (bytes) => {
    if (bytes.length > maxBytes) {
      const message = `the message is larger than the ${maxBytes} bytes that this method takes`
      return { failure: new Failure('payload_too_large', message) }
    }
    try {
      return { message: read(bytes) }
    } catch (cause) {
      return {
        failure: new Failure('malformed_body', 'the message is not as the proto file says', { cause }),
      }
    }
  }
}

function methodOf(definition: PackageDefinition, name: MethodName): MethodDefinition<object, object> {
  const service = definition[SERVICE]
  const method = service === undefined || 'format' in service ? undefined : service[name]
  if (method === undefined || typeof method === 'string') throw new Error(`${PROTO} has no ${name}`)
  return method
}
