import type { FastifyRequest } from 'fastify'
import { Failure } from '../../model/failure.js'
import type { Api } from './api.js'

/** The encodings in which browsers send forms, and mail programs the POST of RFC 8058 §3.2. */
export const FORM_TYPES = ['multipart/form-data', 'application/x-www-form-urlencoded']
/** A field or two, in the more verbose encoding. */
const FORM_LIMIT_BYTES = 8 * 1024

/** Reads forms in place of JSON, here and in what is registered below. Of a name that comes twice, the last counts. */
export function acceptForms(api: Api): void {
  api.removeAllContentTypeParsers()
  api.addContentTypeParser(
    FORM_TYPES,
    { parseAs: 'buffer', bodyLimit: FORM_LIMIT_BYTES },
    async (request: FastifyRequest, body: Buffer) => readForm(body, request.headers['content-type'] ?? ''),
  )
  // Not read: what it holds does not matter.
  api.addContentTypeParser('*', async () => {
    throw new Failure('unsupported_media_type', `send the body as ${FORM_TYPES.join(' or ')}`)
  })
}

async function readForm(body: Buffer, contentType: string): Promise<Record<string, string>> {
  const form = await new Response(body, { headers: { 'content-type': contentType } })
    .formData()
    .catch((cause: unknown) => {
      throw new Failure('validation_failed', 'the body is not a form', { cause })
    })
  const fields = [...form].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))
  return Object.fromEntries(fields)
}
