import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import { Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { authenticate, requireRole } from '../auth/access.js'
import { type CountCaller, excess } from '../auth/caller-limit.js'
import type { Authenticator, Identity, Role } from '../ports.js'
import { recordAbandoned, refused } from './refusal.js'
import { rolesFor } from './service.js'

export interface GateOptions {
  readonly authenticator: Authenticator
  readonly countCaller: CountCaller
  /** For calls that name no deadline. */
  readonly timeoutMs: number
  readonly telemetry: Telemetry
}

/** Callers whose token was verified, by the metadata of their call. */
export type Callers = Pick<WeakMap<Metadata, Identity>, 'get'>

/** A timer may be this much early by the clock that deadlines are measured with. */
const EARLY_MS = 2
const WATCH = '/grpc.health.v1.Health/Watch'

/**
 * What every call passes before its message is read: the token, the roles, the limit of requests, a deadline.
 * Health and reflection are open to everybody who reaches the port, as `/ready` and `/openapi.json` are.
 */
export function gate(options: GateOptions): {
  readonly interceptor: ServerInterceptor
  readonly callers: Callers
} {
  const { timeoutMs, telemetry } = options
  const callers = new WeakMap<Metadata, Identity>()

  const interceptor: ServerInterceptor = ({ path }, call) => {
    const roles = rolesFor(path)
    let caller: Identity | null = null
    let answered = false
    let patience: NodeJS.Timeout | undefined

    const gated = new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (call.getDeadline() === Number.POSITIVE_INFINITY && path !== WATCH) {
              patience = setTimeout(() => refuse(tooLate()), timeoutMs)
            }
            if (roles === null) pass(metadata)
            else void admit(metadata, roles, pass)
          },
          onCancel: () => {
            clearTimeout(patience)
            if (answered || path === WATCH) return
            answered = true
            recordAbandoned(isLate(call) ? 'deadline_exceeded' : 'cancelled', { path, caller }, telemetry)
          },
        }),
      sendStatus: (status, next) => {
        answered = true
        clearTimeout(patience)
        next(status)
      },
    })

    const admit = async (
      metadata: Metadata,
      roles: readonly Role[],
      pass: (metadata: Metadata) => void,
    ): Promise<void> => {
      try {
        caller = await admitted(metadata, roles, options)
        callers.set(metadata, caller)
        pass(metadata)
      } catch (error) {
        refuse(error)
      }
    }
    const refuse = (error: unknown): void => {
      if (!answered) gated.sendStatus(refused(error, { path, caller }, telemetry))
    }
    return gated
  }
  return { interceptor, callers }
}

async function admitted(
  metadata: Metadata,
  roles: readonly Role[],
  { authenticator, countCaller }: GateOptions,
): Promise<Identity> {
  const caller = await authenticate(metadata.get('authorization')[0]?.toString(), authenticator)
  const standing = await countCaller(caller)
  if (standing?.exceeded) throw excess(standing)
  requireRole(caller, roles)
  return caller
}

export const tooLate = (): Failure =>
  new Failure('deadline_exceeded', 'there was no answer within the deadline')

/** Whether the caller's own deadline has passed. */
export const isLate = (call: Pick<ServerInterceptingCallInterface, 'getDeadline'>): boolean =>
  Number(call.getDeadline()) <= Date.now() + EARLY_MS
