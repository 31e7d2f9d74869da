import { isUtf8 } from 'node:buffer'
import { Failure } from '../../model/failure.js'
import type { Api } from './api.js'

/**
 * Reads JSON bodies and nothing else. A text that is not UTF-8 is refused instead of
 * being stored with replacement characters. An empty body is no body, because clients
 * send the content type also where there is nothing to say.
 */
export function acceptJson(api: Api): void {
  const parse = api.getDefaultJsonParser('error', 'error')
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
    if (bytes.length === 0) return done(null, undefined)
    if (!isUtf8(bytes)) return done(new Failure('malformed_body', 'the body is not UTF-8'))
    parse(request, bytes.toString(), done)
  })
}
