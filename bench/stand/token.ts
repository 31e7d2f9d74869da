import { mintToken } from '../../src/api/auth/mint.js'

export const SECRET = 'a secret that only the benchmark knows, 32 bytes or more'
export const TENANT = 'bench'
const SECONDS = 3_600

export const senderToken = (tenantId = TENANT): Promise<string> =>
  mintToken(SECRET, {
    subject: 'sender',
    tenantId,
    roles: ['sender', 'admin'],
    expiresInSeconds: SECONDS,
  })

export const userToken = (userId: string): Promise<string> =>
  mintToken(SECRET, { subject: userId, tenantId: TENANT, roles: ['user'], expiresInSeconds: SECONDS })

/** The n-th recipient; all names are of one length. */
export const userId = (n: number): string => `user-${String(n).padStart(8, '0')}`
