import { mintToken } from '../api/auth/mint.js'
import type { Secrets } from '../config/secrets.js'

const TOKEN_SECONDS = 24 * 3_600
const TENANT = 'demo'
const USER = 'ada'

/** What somebody who starts the service for the first time can paste to see it work. Empty where tokens come from elsewhere. */
export async function welcome(url: string, { jwt }: Secrets, grpcUrl: string | null = null): Promise<string> {
  if (jwt === null) return ''
  const token = await mintToken(jwt, {
    subject: USER,
    tenantId: TENANT,
    roles: ['sender', 'user'],
    expiresInSeconds: TOKEN_SECONDS,
  })
  const body = JSON.stringify({
    tenant_id: TENANT,
    user_id: USER,
    channel: 'in_app',
    title: 'Hello',
    content: 'It works.',
  })
  return `
  Listening on ${url}   (API: ${url}/docs)${
    grpcUrl === null
      ? ''
      : `
  gRPC on ${new URL(grpcUrl).host}   (docs/grpc.md)`
  }
  A token for a day (tenant ${TENANT}, user ${USER}) and a first notification:

export TOKEN='${token}'
curl -s ${url}/api/v1/notifications/send -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '${body}'
curl -s ${url}/api/v1/users/${USER}/notifications -H "Authorization: Bearer $TOKEN"

`
}
