import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { FailureCode } from '../../model/failure.js'
import type { Role } from '../ports.js'

/** A Fastify instance whose requests and answers are typed by their schemas. */
export type Api = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. Every route under `/api` names them. */
    roles?: readonly Role[]
    /** What the route itself may refuse with, for the documentation. */
    failures?: readonly FailureCode[]
  }
}
