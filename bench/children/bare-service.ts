import { Ajv, type AnySchema } from 'ajv'
import Fastify from 'fastify'
import { jwtVerify } from 'jose'
import { Liquid } from 'liquidjs'
import { BatchBody } from '../../src/api/schemas/batch.js'
import { BroadcastBody } from '../../src/api/schemas/operations.js'
import { SendAnswer, SendBody } from '../../src/api/schemas/send.js'
import { GroupCommit } from '../bare/group-commit.js'
import { type Message, type Result, type Row, Rows, rowOf } from '../bare/rows.js'
import { Sockets } from '../bare/sockets.js'
import { TEMPLATE } from '../load/bodies.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'
import { portOf } from '../stand/port.js'

const BODY_LIMIT_BYTES = 8 * 1024 * 1024
/** As many as ours has. */
const INSERTS_IN_FLIGHT = 2
const SETTLES_IN_FLIGHT = 1

/**
 * The ceiling: the same libraries, the same table, the same checks of token and body, committed
 * before the answer. No stages, no queue, no fence, no retries, no log, no metrics.
 */
answering({
  async listen(fields: Fields): Promise<Fields> {
    const rows = new Rows({
      kind: 'params',
      host: text(fields, 'host'),
      port: number(fields, 'port'),
      database: text(fields, 'database'),
      user: 'postgres',
      password: null,
    })
    const server = service(rows, new Sockets(), text(fields, 'secret'))
    await server.listen({ host: '127.0.0.1', port: 0 })
    return { port: portOf(server.server.address()) }
  },
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return { seconds: (user + system) / 1e6 }
  },
})

const liquid = new Liquid({ strictVariables: true, strictFilters: true, ownPropertyOnly: true })
const compiled = { title: liquid.parse(TEMPLATE.title), content: liquid.parse(TEMPLATE.content) }

const rendered = ({ variables = {} }: Message): Pick<Message, 'title' | 'content'> => ({
  title: String(liquid.renderSync(compiled.title, variables)),
  content: String(liquid.renderSync(compiled.content, variables)),
})

function service(rows: Rows, sockets: Sockets, secret: string) {
  const inserts = new GroupCommit<Row>(INSERTS_IN_FLIGHT, (some) => rows.insert(some))
  const settles = new GroupCommit<Result>(SETTLES_IN_FLIGHT, (some) => rows.settle(some))
  const verify = verifier(secret)
  const server = Fastify({ bodyLimit: BODY_LIMIT_BYTES })
  const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).addFormat('date-time', true)
  server.setValidatorCompiler<AnySchema>(({ schema }) => ajv.compile(schema))
  server.addHook('onRequest', async (request) => {
    await verify(request.headers.authorization)
  })
  sockets.attach(server.server, verify)

  server.post<{ Body: Message }>(
    '/api/v1/notifications/send',
    { schema: { body: SendBody, response: { 200: SendAnswer } } },
    async ({ body }) => {
      const row = rowOf(body.template_id === undefined ? body : { ...body, ...rendered(body) }, Date.now())
      await inserts.add(row)
      if (row.channel === 'websocket') {
        void settles.add({ id: row.id, result: sockets.send(row) ? 'sent' : 'failed' })
      }
      return { id: row.id, status: row.status, created_at: new Date(row.created_at).toISOString() }
    },
  )
  server.post<{ Body: Message & { user_ids: string[] } }>(
    '/api/v1/notifications/batch',
    { schema: { body: BatchBody } },
    async ({ body }) => {
      await rows.insert(body.user_ids.map((user_id) => rowOf({ ...body, user_id }, Date.now())))
      return { status: 'completed' }
    },
  )
  server.post<{ Body: Message }>(
    '/api/v1/broadcast',
    { schema: { body: BroadcastBody } },
    async ({ body }) => {
      sockets.broadcast(body)
      return { status: 'broadcast' }
    },
  )
  return server
}

/** A token is verified once. */
function verifier(
  secret: string,
): (authorization: string | undefined) => Promise<{ readonly subject: string }> {
  const key = new TextEncoder().encode(secret)
  const verified = new Map<string, { readonly subject: string }>()
  return async (authorization = '') => {
    const token = authorization.slice('Bearer '.length)
    const known = verified.get(token)
    if (known !== undefined) return known
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] })
    const identity = { subject: payload.sub ?? '' }
    verified.set(token, identity)
    return identity
  }
}
