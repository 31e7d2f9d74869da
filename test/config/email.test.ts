import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError, type Problem } from '../../src/config/problem.js'
import { rsaKey } from '../support/rsa-key.js'

type Env = Readonly<Record<string, string>>

function problems(env: Env): readonly Problem[] {
  try {
    loadConfig({ env })
  } catch (err) {
    if (err instanceof ConfigError) return err.problems
    throw err
  }
  return []
}

const email = (env: Env) => loadConfig({ env }).channels.email

const { privateKey } = rsaKey()
const DKIM = { DKIM_DOMAIN: 'example.com', DKIM_SELECTOR: 's1' }
const SMTP = { SMTP_HOST: 'mail.example.com', SMTP_USERNAME: 'mailer@example.com' }
const OAUTH2 = {
  ...SMTP,
  SMTP_OAUTH2_TOKEN_URL: 'https://oauth2.googleapis.com/token',
  SMTP_OAUTH2_CLIENT_ID: 'client',
  SMTP_OAUTH2_CLIENT_SECRET: 'hunter2',
  SMTP_OAUTH2_REFRESH_TOKEN: 'refresh',
}

t.test('without settings there is no login, no signature, and room for files', async (t) => {
  t.match(email({}), { bounceAddress: null, dkim: null, maxAttachmentBytes: 716_800 })
  t.match(email({ SMTP_HOST: 'h' }), {
    transport: { username: null, oauth2: null, idleMs: 60_000, poolSize: 10 },
  })
})

t.test('the key of DKIM is given as PEM, as PEM on one line, or as a file', async (t) => {
  const file = join(t.testdir({ 'dkim.pem': privateKey }), 'dkim.pem')
  for (const given of [privateKey, privateKey.replaceAll('\n', '\\n'), file]) {
    t.match(email({ ...DKIM, DKIM_PRIVATE_KEY: given }).dkim, {
      domain: 'example.com',
      selector: 's1',
      privateKey,
    })
  }
})

t.test('a key that cannot sign is named at the start, and never shown', async (t) => {
  const ed25519 = generateKeyPairSync('ed25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
  for (const [given, words] of [
    ['/no/such/file', /names a file that cannot be read/],
    [privateKey.replace(/[a-z]/g, 'A'), /is not a private key in PEM/],
    ['-----BEGIN PRIVATE KEY-----\nhunter2\n', /is not a private key in PEM/],
    [ed25519, /must be an RSA key; this one is ed25519/],
    [rsaKey(512).privateKey, /at least 1024 bits .*; this one has 512/],
  ] as const) {
    const found = problems({ ...DKIM, DKIM_PRIVATE_KEY: given })
    t.match(found, [{ key: 'channels.email.dkim.private_key', message: words }])
    t.equal(found.length, 1)
    t.notMatch(JSON.stringify(found), /hunter2|BEGIN/)
  }
})

t.test('DKIM needs all three, and names that can stand in the DNS', async (t) => {
  const key = { DKIM_PRIVATE_KEY: privateKey }
  for (const env of [DKIM, { ...key }, { ...key, DKIM_DOMAIN: 'example.com' }]) {
    t.match(problems(env), [
      { key: 'channels.email.dkim', message: /DKIM_DOMAIN, DKIM_SELECTOR, DKIM_PRIVATE_KEY/ },
    ])
  }
  t.match(problems({ ...DKIM, ...key, DKIM_DOMAIN: 'exa mple.com' }), [{ key: 'channels.email.dkim.domain' }])
  t.match(problems({ ...DKIM, ...key, DKIM_SELECTOR: 's1; d=evil' }), [
    { key: 'channels.email.dkim.selector' },
  ])
})

t.test('OAuth2 takes the place of a password', async (t) => {
  t.match(email(OAUTH2).transport, {
    username: 'mailer@example.com',
    password: null,
    requireTls: true,
    oauth2: {
      tokenUrl: OAUTH2.SMTP_OAUTH2_TOKEN_URL,
      clientId: 'client',
      refreshToken: 'refresh',
      scope: null,
    },
  })
  const { SMTP_OAUTH2_REFRESH_TOKEN: _refresh, ...own } = OAUTH2
  t.match(email({ ...own, SMTP_OAUTH2_SCOPE: 'https://outlook.office365.com/.default' }).transport, {
    oauth2: { refreshToken: null, scope: 'https://outlook.office365.com/.default' },
  })
  t.same(problems({ ...OAUTH2, SMTP_OAUTH2_TOKEN_URL: 'http://127.0.0.1:8080/token' }), [])
})

t.test('what does not go together is told', async (t) => {
  const { SMTP_OAUTH2_CLIENT_ID: _id, ...noClient } = OAUTH2
  const { SMTP_USERNAME: _user, ...nobody } = OAUTH2
  const { SMTP_OAUTH2_REFRESH_TOKEN: _token, SMTP_OAUTH2_CLIENT_SECRET: _secret, ...nothing } = OAUTH2
  for (const [env, key, words] of [
    [SMTP, 'channels.email.smtp', /both username and password/],
    [{ ...OAUTH2, SMTP_PASSWORD: 'x' }, 'channels.email.smtp', /either a password or oauth2/],
    [nobody, 'channels.email.smtp', /SMTP_USERNAME/],
    [noClient, 'channels.email.smtp.oauth2', /SMTP_OAUTH2_CLIENT_ID/],
    [nothing, 'channels.email.smtp.oauth2', /refresh_token/],
    [
      { ...OAUTH2, SMTP_OAUTH2_TOKEN_URL: 'http://login.example.com/' },
      'channels.email.smtp.oauth2.token_url',
      /must begin with https/,
    ],
    [{ SMTP_BOUNCE_ADDRESS: 'Bounces <b@example.com>' }, 'channels.email.bounce_address', /one bare address/],
  ] as const) {
    t.match(problems(env), [{ key, message: words }])
    t.equal(problems(env).length, 1)
  }
})
