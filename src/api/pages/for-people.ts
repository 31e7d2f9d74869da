import type { FastifyReply, FastifyRequest } from 'fastify'
import { asksForHtml, languageOf } from '../http/accepts.js'
import type { Api } from '../http/api.js'
import { PROBLEM_TYPE } from '../http/problem.js'
import { PAGE_HEADERS, PAGE_TYPE } from './page.js'
import { refusalPage } from './unsubscribe.js'
import { LANGUAGES, type Language } from './unsubscribe-texts.js'

/** Where a browser asks, refusals become pages; every answer is kept from caches, frames and search engines. */
export function answerPeople(api: Api): void {
  api.addHook('onRequest', async (_request, reply) => {
    reply.headers({ ...PAGE_HEADERS, vary: 'accept, accept-language' })
  })
  api.addHook('onSend', async (request, reply, payload) => {
    if (reply.getHeader('content-type') !== PROBLEM_TYPE || !asksForHtml(request.headers.accept))
      return payload
    const language = languageFor(request)
    setPage(reply, language)
    return refusalPage(language, reply.statusCode === 429 || reply.statusCode >= 500)
  })
}

export const languageFor = (request: FastifyRequest): Language =>
  languageOf(request.headers['accept-language'], LANGUAGES)

export const show = (reply: FastifyReply, language: Language, html: string): FastifyReply =>
  setPage(reply, language).send(html)

const setPage = (reply: FastifyReply, language: Language): FastifyReply =>
  reply.type(PAGE_TYPE).header('content-language', language)
