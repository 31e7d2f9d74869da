import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { FAILURES, type FailureCode } from '../../model/failure.js'
import type { Api } from '../http/api.js'
import { BODY_FAILURES, COMMON_FAILURES } from '../routes/failures.js'
import { ProblemSchema } from '../schemas/problem.js'

const SECURITY = [{ bearer: [] }]

/** Generates `/openapi.json` from the schemas that validate, and shows it at `/docs`. */
export async function documentApi(api: Api, version: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Notification service',
        version,
        description: 'Every error is a problem document; its codes are explained at /docs/errors.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        schemas: { Problem: Object(ProblemSchema) },
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'Claims: sub, tenant_id, roles (sender, user, admin), exp.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const { roles, failures = [] } = route.config ?? {}
      if (roles === undefined) {
        if (failures.length === 0) return { schema, url }
        return { url, schema: { ...schema, response: { ...Object(schema.response), ...problems(failures) } } }
      }
      const own = [...COMMON_FAILURES, ...(schema.body ? BODY_FAILURES : []), ...failures]
      return {
        url,
        schema: {
          ...schema,
          security: SECURITY,
          description: [schema.description, `Roles: ${roles.join(', ')}.`].filter(Boolean).join(' '),
          response: { ...described(schema.response), ...problems(own) },
        },
      }
    },
  })
  await api.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  let text: string | null = null
  api.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(api.swagger())
    return reply.header('content-type', 'application/json; charset=utf-8').send(text)
  })
}

/** Answers that say nothing about themselves are the good ones. */
const described = (answers: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(Object(answers)).map(([status, schema]) => [
      status,
      { description: 'Success', ...Object(schema) },
    ]),
  )

/** One documented answer for each status, which names the codes that it may carry. */
function problems(codes: readonly FailureCode[]): Record<string, unknown> {
  const byStatus = new Map<number, string[]>()
  for (const code of new Set(codes)) {
    const { status } = FAILURES[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  )
}
