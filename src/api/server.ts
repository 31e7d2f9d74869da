import Fastify, { type FastifyRequest } from 'fastify'
import { authenticate, callerOf, requireRole } from './auth/access.js'
import { callerLimit } from './auth/caller-limit.js'
import { documentErrors } from './docs/errors-page.js'
import { documentApi } from './docs/openapi.js'
import type { Api } from './http/api.js'
import { answerBrokenRequest } from './http/broken-requests.js'
import { limitCaller } from './http/caller-limit.js'
import { answer, answerErrors } from './http/errors.js'
import { acceptJson } from './http/json-body.js'
import { refuseOtherMethods } from './http/other-methods.js'
import { recordServerSpans } from './http/server-spans.js'
import { compileValidator } from './http/validation.js'
import type { ServerOptions } from './options.js'
import { batchRoute } from './routes/batch.js'
import { blocklistRoutes } from './routes/blocklist.js'
import { bounceRoutes } from './routes/bounces.js'
import { broadcastRoute } from './routes/broadcast.js'
import { changeRoutes } from './routes/changes.js'
import { deadLetterRoutes } from './routes/dead-letters.js'
import { inboxRoutes } from './routes/inbox.js'
import { jobEventRoutes } from './routes/job-events.js'
import { jobRoutes } from './routes/jobs.js'
import { notificationRoutes } from './routes/notifications.js'
import { operationRoutes } from './routes/operations.js'
import { personalDataRoutes } from './routes/personal-data.js'
import { presenceRoute } from './routes/presence.js'
import { recipientRoutes } from './routes/recipients.js'
import { redriveRoutes } from './routes/redrive.js'
import { scheduleChangeRoutes } from './routes/schedule-changes.js'
import { scheduleRoutes } from './routes/schedules.js'
import { sendRoute } from './routes/send.js'
import { statsRoute } from './routes/stats.js'
import { subscriptionRoutes } from './routes/subscriptions.js'
import { suppressionRoutes } from './routes/suppressions.js'
import { templateRoutes } from './routes/templates.js'
import { templatePreviewRoutes } from './routes/templates-preview.js'
import { templateStatsRoute } from './routes/templates-stats.js'
import { templateVersionRoutes } from './routes/templates-versions.js'
import { unsubscribeRoutes } from './routes/unsubscribe.js'
import { webhookEndpointChangeRoutes } from './routes/webhook-endpoint-changes.js'
import { webhookEndpointRoutes } from './routes/webhook-endpoints.js'

const HEADERS_TIMEOUT_MS = 10_000
/** Longer than the 60 s that load balancers keep a connection, so that they close it and not we. */
const KEEP_ALIVE_MS = 65_000

const ROUTES = [
  sendRoute,
  batchRoute,
  jobRoutes,
  jobEventRoutes,
  notificationRoutes,
  changeRoutes,
  deadLetterRoutes,
  redriveRoutes,
  inboxRoutes,
  personalDataRoutes,
  recipientRoutes,
  subscriptionRoutes,
  blocklistRoutes,
  suppressionRoutes,
  webhookEndpointRoutes,
  webhookEndpointChangeRoutes,
  bounceRoutes,
  scheduleRoutes,
  scheduleChangeRoutes,
  templateRoutes,
  templateVersionRoutes,
  templatePreviewRoutes,
  templateStatsRoute,
  broadcastRoute,
  presenceRoute,
  statsRoute,
]

/** The HTTP server with all its routes; `listen` starts it, `close` lets what is in flight finish. */
export function buildServer(options: ServerOptions): Api {
  const { bodyLimitBytes, requestTimeoutMs } = options.requestLimits
  const server: Api = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // What still arrives while closing is answered like everything else; `admission` refuses sends.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      answer(error, request, reply, options.telemetry)
    },
  })
  server.server.headersTimeout = Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs)
  server.setValidatorCompiler(compileValidator)
  server.decorateRequest('caller', null)
  acceptJson(server)
  answerErrors(server, options.telemetry)
  releaseConnections(server, options.isShuttingDown)
  server.register(async (root: Api) => {
    await documentApi(root, options.version)
    const refuseOthers = refuseOtherMethods(root)
    operationRoutes(root, options)
    await root.register((pages: Api) => unsubscribeRoutes(pages, options))
    documentErrors(root)
    await root.register((api: Api) => protectedRoutes(api, options), { prefix: '/api/v1' })
    refuseOthers()
  })
  return server
}

async function protectedRoutes(api: Api, options: ServerOptions): Promise<void> {
  const { authenticator, limits, callerCounters } = options
  const countCaller = callerLimit(limits, callerCounters)
  api.addHook('onRoute', (route) => {
    const roles = route.config?.roles
    if (roles === undefined) throw new Error(`${route.url} does not say who may call it`)
    route.onRequest = async (request: FastifyRequest) => requireRole(callerOf(request), roles)
  })
  // Before the body is read, so that a stranger's costs nothing.
  api.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    const caller = await authenticate(request.headers.authorization, authenticator)
    request.caller = caller
    await limitCaller(caller, reply, countCaller)
  })
  recordServerSpans(api, options.telemetry.tracing)
  for (const route of ROUTES) route(api, options)
}

/** Connections are not kept alive past the answers that are given while the process stops. */
function releaseConnections(server: Api, isShuttingDown: () => boolean): void {
  let closing = false
  server.addHook('preClose', async () => {
    closing = true
  })
  server.addHook('onSend', (_request, reply, payload, done) => {
    if (closing || isShuttingDown()) reply.header('connection', 'close')
    done(null, payload)
  })
}
