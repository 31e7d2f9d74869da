import { mintToken } from '../api/auth/mint.js'
import { ROLES, type Role } from '../api/ports.js'
import { loadConfig } from '../config/load.js'
import { openSecrets } from '../config/secrets.js'
import { readOptions, required, UsageError } from './usage.js'

const HOUR = '3600'

/** Prints a token that a service with the same configuration accepts. */
export async function tokenCommand(args: string[]): Promise<void> {
  const options = readOptions(args, {
    tenant: { type: 'string' },
    user: { type: 'string' },
    role: { type: 'string', multiple: true },
    expires: { type: 'string', default: HOUR },
  })
  const expiresInSeconds = Number(options.expires)
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1) {
    throw new UsageError('--expires must be a number of seconds')
  }
  const claims = {
    tenantId: required('tenant', options.tenant),
    subject: required('user', options.user),
    roles: (options.role ?? []).map(readRole),
    expiresInSeconds,
  }
  if (claims.roles.length === 0) throw new UsageError(`--role is required: ${ROLES.join(', ')}`)
  process.stdout.write(`${await mint(claims)}\n`)
}

/** A token signed with the secret of this configuration. */
export async function mint(claims: Parameters<typeof mintToken>[1]): Promise<string> {
  const { jwt } = await openSecrets(loadConfig())
  if (jwt === null)
    throw new UsageError('tokens come from the issuer of AUTH_JWKS_URL; there is no secret here to sign with')
  return mintToken(jwt, claims)
}

function readRole(text: string): Role {
  const role = ROLES.find((known) => known === text)
  if (role === undefined) throw new UsageError(`--role must be one of ${ROLES.join(', ')}`)
  return role
}
