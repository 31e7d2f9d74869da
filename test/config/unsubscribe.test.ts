import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { openSecrets } from '../../src/config/secrets.js'

const problemsWith = (env: Record<string, string>): string => {
  try {
    loadConfig({ env })
  } catch (error) {
    return String(error)
  }
  return ''
}

t.test('the public address comes without a slash at the end, as a URL is written', async (t) => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['', null],
    ['https://notify.example.com', 'https://notify.example.com'],
    ['https://notify.example.com/', 'https://notify.example.com'],
    ['HTTPS://Notify.Example.com:443/a/b//', 'https://notify.example.com/a/b'],
    ['https://notify.example.com/?', 'https://notify.example.com'],
    ['https://bücher.example/a b', 'https://xn--bcher-kva.example/a%20b'],
    ['http://127.0.0.1:9005', 'http://127.0.0.1:9005'],
  ]
  for (const [given, expected] of cases) {
    const { publicUrl } = loadConfig({ env: { PUBLIC_URL: given } }).server
    t.equal(publicUrl, expected, given)
  }
})

t.test('an address that cannot begin a link is named', async (t) => {
  for (const url of [
    'notify.example.com',
    'ftp://notify.example.com',
    'https://notify.example.com/?a=1',
    'https://notify.example.com/#a',
    'https://me:secret@notify.example.com',
    `https://notify.example.com/${'a'.repeat(200)}`,
  ])
    t.match(
      problemsWith({ PUBLIC_URL: url }),
      /server\.public_url \(PUBLIC_URL\) .*expected a URL such as/,
      url,
    )
})

t.test('what is pasted with a line break cannot begin a header of its own', async (t) => {
  const { publicUrl } = loadConfig({ env: { PUBLIC_URL: 'https://notify.example.com/a>\r\nBcc: <x' } }).server
  t.equal(publicUrl, 'https://notify.example.com/a%3EBcc:%20%3Cx')
})

t.test('a secret that can be guessed is refused, and not repeated', async (t) => {
  const message = problemsWith({ UNSUBSCRIBE_SECRET: 'hunter2-hunter2' })
  t.match(message, /unsubscribe\.secret \(UNSUBSCRIBE_SECRET\) is too short/)
  t.notMatch(message, 'hunter2')
})

t.test('the secret is the configured one, or else one that is made and kept', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'notification-unsubscribe-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const given = await openSecrets(
    loadConfig({ env: { DATA_DIR: dataDir, UNSUBSCRIBE_SECRET: 'x'.repeat(32) } }),
  )
  t.equal(given.unsubscribe, 'x'.repeat(32))
  const config = loadConfig({ env: { DATA_DIR: dataDir } })
  const { unsubscribe, jwt, webhook } = await openSecrets(config)
  t.equal((await readFile(join(dataDir, 'unsubscribe-secret'), 'utf8')).trim(), unsubscribe)
  t.equal((await openSecrets(config)).unsubscribe, unsubscribe, 'the next start has the same')
  t.equal(new Set([unsubscribe, jwt, webhook]).size, 3)
})

t.test('the shipped file reads both variables', async (t) => {
  const text = readFileSync(new URL('../../config.yaml', import.meta.url), 'utf8')
  for (const name of ['PUBLIC_URL', 'UNSUBSCRIBE_SECRET']) t.match(text, `\${${name}:}`)
})
