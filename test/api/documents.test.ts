import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { ERROR_CATALOGUE } from '../../src/api/docs/error-catalogue.js'
import { errorsMarkdown } from '../../src/api/docs/errors-page.js'
import { FAILURES } from '../../src/model/failure.js'
import { serve, token } from './support.js'

t.test(
  'docs/errors.md is what the catalogue says (npm run build && node scripts/write-errors-doc.js)',
  async (t) => {
    const written = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    t.equal(written, errorsMarkdown())
    t.same(ERROR_CATALOGUE.map(({ code }) => code).sort(), Object.keys(FAILURES).sort())
  },
)

t.test('the type of a problem leads to its explanation', async (t) => {
  const client = await serve(t)
  const { body } = await client.call('GET', '/api/v1/jobs/x')
  const [path = '', anchor = ''] = String(Object(body).type).split('#')
  const page = await client.call('GET', path, { token: null })
  t.equal(page.status, 200)
  t.match(page.body, `id="${anchor}"`)
  for (const code of Object.keys(FAILURES)) t.match(page.body, `<h2 id="${code}">`)
})

t.test('the OpenAPI document describes every route, and its schemas compile', async (t) => {
  const client = await serve(t)
  const { status, body } = await client.call('GET', '/openapi.json', { token: null })
  t.equal(status, 200)
  const document = Object(body)
  t.equal(document.openapi, '3.1.0')
  t.ok(document.components.securitySchemes.bearer)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'document', ...document })
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(Object(methods)).map(([method, operation]) => ({
      path,
      method,
      operation: Object(operation),
    })),
  )
  t.ok(operations.length >= 18)
  for (const { path, method, operation } of operations) {
    const name = `${method} ${path}`
    t.ok(operation.summary, `${name} has a summary`)
    t.ok(operation.tags?.length, `${name} has a tag`)
    for (const answer of Object.values(operation.responses)) {
      for (const { schema } of Object.values(Object(answer).content ?? {}).map(Object)) {
        t.doesNotThrow(() => ajv.compile(rebased(schema)), `${name} answers by a schema`)
      }
    }
    if (operation.requestBody) {
      const bodies: readonly [string, unknown][] = Object.entries(operation.requestBody.content)
      const [type, body] = bodies[0] ?? []
      const { schema, example } = Object(body)
      const validate = ajv.compile(rebased(schema))
      if (type === 'application/json')
        t.equal(schema.additionalProperties, false, `${name} takes no unknown fields`)
      if (example !== undefined) t.ok(validate(example), `${name}: the example is valid`)
    }
    if (!path.startsWith('/api/')) continue
    t.same(operation.security, [{ bearer: [] }], `${name} needs a token`)
    const codes = Object.values(operation.responses)
      .map((answer) => String(Object(answer).description))
      .join(', ')
    for (const code of ['unauthenticated', 'forbidden', 'validation_failed', 'internal'])
      t.match(codes, code, name)
  }
})

t.test('the documented example is accepted as it stands', async (t) => {
  const client = await serve(t)
  const document = Object((await client.call('GET', '/openapi.json')).body)
  const given = await token('svc', 'tenant_abc', ['sender'])
  for (const path of ['/api/v1/notifications/send', '/api/v1/notifications/batch', '/api/v1/broadcast']) {
    const { example } = document.paths[path].post.requestBody.content['application/json']
    const { status } = await client.call('POST', path, { body: example, token: given })
    t.ok(status === 200 || status === 202, `${path} ${status}`)
  }
})

t.test('the readable documentation is served, with a policy for its scripts', async (t) => {
  const client = await serve(t)
  const page = await client.call('GET', '/docs/', { token: null })
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /default-src/)
  t.match(page.body, /swagger-ui/)
})

/** References point into the document. */
const rebased = (schema: unknown): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'))
