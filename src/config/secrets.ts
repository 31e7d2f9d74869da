import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.js'

const SECRET_BYTES = 32
const SECRET = /^[A-Za-z0-9_-]{43}$/

/**
 * The secret that is kept in `<dataDir>/<name>`, made when there is none: 32 random bytes in
 * base64url, readable by the owner only. Processes that start at once get the same one.
 */
export async function loadOrCreateSecret(dataDir: string, name: string): Promise<string> {
  const path = join(dataDir, name)
  const kept = await readSecret(path)
  if (kept !== null) return kept
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  // Complete before it has its name, and the name is given once: whoever comes second takes the first one's.
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(SECRET_BYTES).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch(unless('EEXIST'))
  } finally {
    await rm(draft, { force: true })
  }
  const made = await readSecret(path)
  if (made === null) throw new Error(`The secret ${path} was removed while it was being made`)
  return made
}

async function readSecret(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(unless('ENOENT'))
  if (text === null) return null
  const secret = text.trim()
  if (SECRET.test(secret)) return secret
  throw new Error(
    `${path} does not hold a secret of ours. Delete it to have a new one made; what was signed with the old one is then void.`,
  )
}

const unless =
  (code: string) =>
  (err: unknown): null => {
    if (err instanceof Error && 'code' in err && err.code === code) return null
    throw err
  }

export interface Secrets {
  /** For HS256. Null: tokens come from the issuer whose keys are at `auth.jwks_url`. */
  readonly jwt: string | null
  /** What webhooks are signed with. */
  readonly webhook: string
  /** What unsubscribe links are signed with. */
  readonly unsubscribe: string
}

/** Those that the configuration gives, or else those that are kept in the data directory. */
export async function openSecrets({ auth, channels, unsubscribe, dataDir }: Config): Promise<Secrets> {
  const ownJwt = async (): Promise<string | null> =>
    auth.jwksUrl === null ? loadOrCreateSecret(dataDir, 'jwt-secret') : null
  return {
    jwt: auth.jwtSecret ?? (await ownJwt()),
    webhook: channels.webhook.secret ?? (await loadOrCreateSecret(dataDir, 'webhook-secret')),
    unsubscribe: unsubscribe.secret ?? (await loadOrCreateSecret(dataDir, 'unsubscribe-secret')),
  }
}
