import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadOrCreateSecret } from '../../src/config/secrets.js'

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'notification-secrets-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

t.test('a secret is made once, for its owner only', async (t) => {
  const dataDir = await temporary(t)
  const secret = await loadOrCreateSecret(dataDir, 'jwt-secret')
  t.equal(Buffer.from(secret, 'base64url').length, 32)
  t.equal((await stat(join(dataDir, 'jwt-secret'))).mode & 0o777, 0o600)
  t.equal(await loadOrCreateSecret(dataDir, 'jwt-secret'), secret, 'the next start has the same')
  t.not(await loadOrCreateSecret(dataDir, 'webhook-secret'), secret, 'each name has its own')
})

t.test('processes that start at once get the same one', async (t) => {
  const dataDir = await temporary(t)
  const secrets = await Promise.all(
    Array.from({ length: 50 }, () => loadOrCreateSecret(dataDir, 'jwt-secret')),
  )
  t.equal(new Set(secrets).size, 1)
  t.equal((await readFile(join(dataDir, 'jwt-secret'), 'utf8')).trim(), secrets[0])
  t.same(await readdir(dataDir), ['jwt-secret'], 'nothing else is left')
})

t.test('a file that holds something else is not used as a secret', async (t) => {
  const dataDir = await temporary(t)
  await loadOrCreateSecret(dataDir, 'jwt-secret')
  for (const text of ['', 'short', 'x'.repeat(42)]) {
    await writeFile(join(dataDir, 'jwt-secret'), text)
    await t.rejects(loadOrCreateSecret(dataDir, 'jwt-secret'), /does not hold a secret of ours/)
  }
})
