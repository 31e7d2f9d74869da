import type { FastifyRequest } from 'fastify'
import { Failure } from '../../model/failure.js'
import type { UnsubscribeLinks } from '../../model/unsubscribe-links.js'
import type { Api } from '../http/api.js'
import type { Unsubscribing } from '../pages/unsubscribe.js'

/** Of one link; and by one address, of what is no link of ours. Mail providers use many links from few addresses. */
const PER_MINUTE = 60

/**
 * Reads the link that a request was made with, and counts its use in windows of a minute.
 * Needs `@fastify/rate-limit` to be registered. Rejects with `validation_failed` for whatever is no
 * link of ours, `conflict` when messages of its type get none any more, and `rate_limited`.
 */
export function linkReader(
  api: Api,
  links: UnsubscribeLinks,
): (request: FastifyRequest) => Promise<Unsubscribing> {
  const linkIn = (request: FastifyRequest) => links.read(String(Object(request.query).token))
  const count = api.createRateLimit({
    timeWindow: 60_000,
    max: PER_MINUTE,
    keyGenerator: (request) => linkIn(request)?.notificationId ?? request.ip,
  })
  return async (request) => {
    const use = await count(request)
    if (!use.isAllowed && use.isExceeded) {
      const message = `the limit is ${PER_MINUTE} requests a minute`
      throw new Failure('rate_limited', message, { retryAfterMs: use.ttl })
    }
    const link = linkIn(request)
    if (link === null)
      throw Failure.field('validation_failed', '/token', 'must be as it stands in the message')
    const group = links.groupOf(link.notificationType)
    if (group === null) throw new Failure('conflict', 'messages of this type are not turned off by a link')
    return { link, group }
  }
}
