import { Failure } from '../../model/failure.js'
import type { Api } from './api.js'

/**
 * Answers 405 with `Allow` (RFC 9110 §15.5.6) where a path exists and the method does not.
 * Call it before the routes are added; what it returns adds the answers after them.
 */
export function refuseOtherMethods(api: Api): () => void {
  const methods = new Map<string, Set<string>>()
  let adding = false
  api.addHook('onRoute', (route) => {
    if (adding || route.schema?.hide === true) return
    const known = methods.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) known.add(method)
    methods.set(route.url, known)
  })
  return () => {
    adding = true
    for (const [url, known] of methods) {
      const others = api.supportedMethods.filter((method) => !known.has(method))
      const allow = [...known].join(', ')
      api.route({
        method: others,
        url,
        schema: { hide: true },
        // Before the body is read: what it holds does not matter any more.
        onRequest: async (_request, reply) => {
          reply.header('allow', allow)
          throw new Failure('method_not_allowed', `the path takes ${allow}`)
        },
        handler: async () => undefined,
      })
    }
  }
}
