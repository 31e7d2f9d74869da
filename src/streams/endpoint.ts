import { ADDRESS_FIELD, ENDPOINT_FIELD } from '../model/address.js'
import { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Endpoints } from './ports.js'
import type { Stage } from './stage.js'

/**
 * Puts the URL of a registered webhook endpoint in the place of its name, for the stages that go by the address.
 * What waits keeps the name only, so that it goes where the endpoint is by then.
 */
export function namedEndpoints(endpoints: Endpoints): Stage {
  return {
    name: 'endpoint',
    concerns: ({ notification: { channel, metadata } }) =>
      channel === 'webhook' && metadata[ENDPOINT_FIELD] !== undefined,
    check: async (subjects) => {
      const keys = subjects.map(({ notification: { tenantId, metadata } }) => {
        const id = metadata[ENDPOINT_FIELD]
        return { tenantId, id: typeof id === 'string' ? id : '' }
      })
      const urls = await endpoints.urls(keys)
      return subjects.map(({ notification }, n) => addressed(notification, urls[n] ?? null))
    },
  }
}

function addressed(notification: Notification, url: string | null): Verdict {
  const field = ADDRESS_FIELD[notification.channel]
  if (url === null || field === null) {
    const message = 'must be the id of a webhook endpoint of this tenant'
    return {
      kind: 'reject',
      failure: Failure.field('invalid_address', `/metadata/${ENDPOINT_FIELD}`, message),
    }
  }
  if (notification.metadata[field] === url) return PASS
  return {
    kind: 'pass',
    notification: { ...notification, metadata: { ...notification.metadata, [field]: url } },
  }
}
