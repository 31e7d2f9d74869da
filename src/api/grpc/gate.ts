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
import { limitMessages } from './message-limit.js'
import { OpenStreams, WATCH } from './open-streams.js'
import { recordAbandoned, refused } from './refusal.js'
import { type MethodName, methodAt, ROLES_OF } from './service.js'

export interface GateOptions {
  readonly authenticator: Authenticator
  readonly countCaller: CountCaller
  /** For calls that name no deadline, and all of those without a token. */
  readonly timeoutMs: number
  /** Of a message. */
  readonly maxBytes: Readonly<Record<MethodName, number>>
  readonly telemetry: Telemetry
}

/** Callers whose token was verified, by the metadata of their call. */
export type Callers = Pick<WeakMap<Metadata, Identity>, 'get'>

/** Much larger messages are refused by the library, before they are read and without our code. */
const REFUSED_WITH_CODE = 2
/** Of health and reflection, which are asked for something by its name. */
const QUESTION_BYTES = 4_096
/** A timer may be this much early by the clock that deadlines are measured with. */
const EARLY_MS = 2

/**
 * What every call passes before its message is read: the token, the roles, the limit of requests, a deadline.
 * Health and reflection are open to everybody who reaches the port, as `/ready` and `/openapi.json` are.
 */
export function gate(options: GateOptions): {
  readonly interceptor: ServerInterceptor
  readonly callers: Callers
  /** Ends the streams that would hold up a stop. */
  readonly endStreams: () => void
} {
  const { timeoutMs, maxBytes, telemetry } = options
  const callers = new WeakMap<Metadata, Identity>()
  const streams = new OpenStreams()

  const interceptor: ServerInterceptor = ({ path }, call) => {
    const method = methodAt(path)
    limitMessages(call, method === null ? QUESTION_BYTES : REFUSED_WITH_CODE * maxBytes[method])
    let caller: Identity | null = null
    let answered = false
    let patience: NodeJS.Timeout | undefined

    const gated = new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const isBounded = method !== null && call.getDeadline() !== Number.POSITIVE_INFINITY
            if (!isBounded && path !== WATCH) patience = setTimeout(() => refuse(tooLate()), timeoutMs)
            if (method !== null) void admit(metadata, ROLES_OF[method], pass)
            else if (streams.admit(path, gated)) pass(metadata)
            else refuse(tooManyStreams())
          },
          onCancel: () => {
            clearTimeout(patience)
            streams.ended(path, gated)
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
  return { interceptor, callers, endStreams: () => streams.endAll() }
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

const tooManyStreams = (): Failure =>
  new Failure('too_many_connections', 'there are too many streams of this kind', { retryAfterMs: 5_000 })

/** Whether the caller's own deadline has passed. */
export const isLate = (call: Pick<ServerInterceptingCallInterface, 'getDeadline'>): boolean =>
  Number(call.getDeadline()) <= Date.now() + EARLY_MS
