import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/config/problem.js'

type Env = Record<string, string>

async function file(t: Test, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'notification-config-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'mine.yaml')
  await writeFile(path, text)
  return path
}

function refusal(options: { path?: string; env?: Env }): ConfigError {
  try {
    loadConfig({ env: {}, ...options })
  } catch (err) {
    if (err instanceof ConfigError) return err
    throw err
  }
  throw new Error('The configuration was accepted')
}

t.test('with nothing set everything runs in the process and the data directory', async (t) => {
  const config = loadConfig({ env: {} })
  t.match(config, {
    dataDir: resolve('data'),
    server: { host: '127.0.0.1', port: 9005, bodyLimitBytes: 1_048_576, requestTimeoutMs: 30_000 },
    auth: { jwtSecret: null, jwksUrl: null, allowedOrigins: [] },
    database: { kind: 'embedded', poolSize: 20, statementTimeoutMs: 10_000 },
    redis: null,
    channels: {
      email: {
        delivery: { timeoutMs: 30_000, tries: 2, slots: 10 },
        retry: { delaysMs: [60_000, 300_000, 900_000], jitter: 0.2 },
        transport: { kind: 'outbox', directory: resolve('data', 'outbox') },
      },
      websocket: { maxConnections: 10_000, pingMs: 30_000, idleMs: 300_000 },
      webhook: { allowlist: [], allowPrivate: false, secret: null },
      inApp: { enabled: true },
    },
    rateLimit: { perHour: 100, perDay: 500 },
    quietHours: {
      windows: [{ start: 22 * 60, end: 8 * 60 }],
      timezone: 'Asia/Shanghai',
      channels: ['email', 'sms', 'push'],
      spreadMs: 300_000,
    },
    log: { level: 'info' },
  })
})

t.test('the configuration cannot be changed, at any depth', async (t) => {
  const config: unknown = loadConfig({ env: {} })
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    t.ok(Object.isFrozen(value), path)
    for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`)
  }
  visit(config, 'config')
})

t.test('environment variables are enough to use services of your own', async (t) => {
  const config = loadConfig({
    env: {
      PORT: '0',
      HOST: '0.0.0.0',
      DATA_DIR: '/var/lib/notifications',
      DB_HOST: 'db',
      DB_USER: 'me',
      DB_PASSWORD: '0123',
      REDIS_ADDR: 'cache:6379',
      REDIS_DB: '3',
      SMTP_HOST: 'mail.example.com',
      SMTP_PORT: '465',
      SMTP_SECURE: 'true',
      SMTP_USERNAME: 'u',
      SMTP_PASSWORD: 'p',
      AUTH_JWT_SECRET: 'x'.repeat(32),
      WS_ALLOWED_ORIGINS: 'https://a.example.com, https://b.example.com:8443',
      WEBHOOK_ALLOWLIST: 'https://*.example.com/hooks/*',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      RATE_LIMIT_ENABLED: 'false',
      API_RATE_LIMIT_USER: '7',
      QUIET_HOURS_TIMEZONE: 'Europe/Berlin',
      LOG_LEVEL: 'debug',
    },
  })
  t.match(config, {
    dataDir: '/var/lib/notifications',
    server: { host: '0.0.0.0', port: 0 },
    auth: {
      jwtSecret: 'x'.repeat(32),
      allowedOrigins: ['https://a.example.com', 'https://b.example.com:8443'],
    },
    database: {
      kind: 'external',
      connection: {
        kind: 'params',
        host: 'db',
        port: 5432,
        database: 'notifications',
        user: 'me',
        password: '0123',
      },
    },
    redis: { address: 'cache:6379', db: 3, prefix: 'notif' },
    channels: {
      email: {
        transport: {
          kind: 'smtp',
          host: 'mail.example.com',
          port: 465,
          secure: true,
          username: 'u',
          password: 'p',
          poolSize: 10,
        },
      },
      webhook: { allowlist: ['https://*.example.com/hooks/*'], allowPrivate: true },
    },
    rateLimit: null,
    apiRateLimit: { userPerMinute: 7, senderPerMinute: 0 },
    quietHours: { timezone: 'Europe/Berlin' },
    log: { level: 'debug' },
  })
  t.notOk(config.redis && 'password' in config.redis, 'what is not set is not there')
})

t.test('URLs go before hosts', async (t) => {
  const config = loadConfig({
    env: {
      DATABASE_URL: 'postgres://u:p@db/n',
      DB_HOST: 'other',
      REDIS_URL: 'rediss://cache',
      REDIS_ADDR: 'other:1',
    },
  })
  t.match(config.database, { kind: 'external', connection: { kind: 'url', url: 'postgres://u:p@db/n' } })
  t.match(config.redis, { address: 'rediss://cache' })
})

t.test('a database host without a user is left to the conventions of PostgreSQL', async (t) => {
  const { database } = loadConfig({ env: { DB_HOST: 'db' } })
  t.match(database, { connection: { user: null, password: null } })
})

t.test('every wrong value is named, with what was expected', async (t) => {
  const wrong: readonly (readonly [Env, string, RegExp])[] = [
    [{ PORT: 'http' }, 'server.http_port', /\(PORT\) is "http"; expected a whole number/],
    [{ PORT: '65536' }, 'server.http_port', /is 65536; it must be <= 65535/],
    [{ PORT: '-1' }, 'server.http_port', /must be >= 0/],
    [{ PORT: '80.5' }, 'server.http_port', /a whole number/],
    [{ RATE_LIMIT_ENABLED: 'yes' }, 'rate_limit.enabled', /is "yes"; expected true or false/],
    [{ LOG_LEVEL: 'loud' }, 'log.level', /is "loud"; expected one of debug, info/],
    [{ QUIET_HOURS_TIMEZONE: 'Asia/Shangai' }, 'quiet_hours.timezone', /"Asia\/Shangai"; expected an IANA/],
    [{ DATABASE_URL: 'mysql://db' }, 'database.url', /DATABASE_URL.*expected a URL such as postgres:/],
    [{ REDIS_URL: 'http://cache' }, 'redis.url', /expected a URL such as redis:/],
    [{ REDIS_ADDR: 'cache' }, 'redis.address', /expected a host and port/],
    [{ AUTH_JWKS_URL: 'ftp://keys' }, 'auth.jwks_url', /https:/],
    [{ WS_ALLOWED_ORIGINS: 'https://a.com/path' }, 'auth.allowed_origins', /without a path/],
  ]
  for (const [env, key, message] of wrong) t.match(refusal({ env }).problems, [{ key, message }], key)
  const all = refusal({ env: Object.assign({}, ...wrong.slice(4).map(([env]) => env)) })
  t.equal(all.problems.length, wrong.length - 4, 'all at once')
  for (const { key } of all.problems) t.match(all.message, key)
})

t.test('a secret is never repeated', async (t) => {
  const secret = 'hunter2-hunter2'
  const env: Env = {
    AUTH_JWT_SECRET: secret,
    DATABASE_URL: `mysql://u:${secret}@db`,
    REDIS_URL: `http://u:${secret}@cache`,
    REDIS_ADDR: `${secret}@cache`,
    AUTH_JWKS_URL: secret,
    SMTP_PASSWORD: secret,
    WEBHOOK_SECRET: secret,
    WS_ALLOWED_ORIGINS: secret,
  }
  const err = refusal({ env })
  t.ok(err.problems.length >= 5)
  t.notMatch(err.message, 'hunter2')
  const path = await file(t, `auth:\n  jwt_secret: ${secret}\n  jwt_secret: ${secret}\n`)
  t.notMatch(refusal({ path }).message, 'hunter2')
  const misplaced = await file(t, `auth: ${secret}\nredis: [${secret}]\n`)
  t.match(refusal({ path: misplaced }).message, /redis is a list; expected a section/)
})

t.test('a file of one’s own needs only what differs', async (t) => {
  const path = await file(
    t,
    `channels:\n  email:\n    retry: {delays: [10s], jitter: 0}\nquiet_hours:\n  enabled: false\nserver:\ndatabase:\n  host: \${WHERE:db}\n`,
  )
  const config = loadConfig({ env: { CONFIG_FILE: path } })
  t.same(config.channels.email.retry, { delaysMs: [10_000], jitter: 0 })
  t.equal(config.channels.email.delivery.timeoutMs, 30_000)
  t.same(config.quietHours.windows, [])
  t.equal(config.server.port, 9005, 'an empty section changes nothing')
  t.match(config.database, { connection: { host: 'db' } })
})

t.test('mistakes in a file are named by their keys', async (t) => {
  const cases: readonly (readonly [string, readonly object[]])[] = [
    ['server: {colour: red}', [{ key: 'server.colour', message: 'is not a known key' }]],
    ['servers: {}', [{ key: 'servers', message: 'is not a known key' }]],
    ['__proto__: {a: 1}', [{ key: '__proto__', message: 'is not a known key' }]],
    ['server: {host: }', [{ key: 'server.host', message: 'is missing' }]],
    [
      'server: {request_timeout: 30}',
      [{ key: 'server.request_timeout', message: /is "30"; expected a duration such as/ }],
    ],
    ['server: {request_timeout: 999d}', [{ key: 'server.request_timeout', message: /from 1s to 1h/ }]],
    ['idempotency: {ttl: 25d}', [{ key: 'idempotency.ttl', message: /to 24d/ }]],
    ['server: {body_limit: big}', [{ key: 'server.body_limit', message: /is "big"; expected a size/ }]],
    [
      'channels: {email: {retry: {jitter: 1.5}}}',
      [{ key: 'channels.email.retry.jitter', message: /must be <= 1/ }],
    ],
    [
      'channels: {email: {retry: {delays: [1m, soon]}}}',
      [{ key: 'channels.email.retry.delays.1', message: /is "soon"/ }],
    ],
    [
      'quiet_hours: {start: "24:00"}',
      [{ key: 'quiet_hours.start', message: /is "24:00"; expected a time of day/ }],
    ],
    [
      'quiet_hours: {channels: [email, fax]}',
      [{ key: 'quiet_hours.channels', message: /of email, sms, websocket/ }],
    ],
    ['redis: {prefix: "a b"}', [{ key: 'redis.prefix', message: /must match/ }]],
    ['log: loud', [{ key: 'log', message: /expected a section/ }]],
    [
      `server: {host: "\${HOST"}`,
      [{ key: 'server.host', message: /refers to a variable wrongly/ }, { key: 'server.host' }],
    ],
    ['a: [', [{ key: '', message: /^line 1, column \d+: / }]],
    ['- a', [{ key: '', message: 'must be a section with keys' }]],
  ]
  for (const [text, problems] of cases)
    t.match(refusal({ path: await file(t, text) }).problems, problems, text)
})

t.test('values that do not go together are named', async (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['auth: {jwt_secret: short}', 'auth.jwt_secret', /at least 32 bytes/],
    ['queue: {lease: 60s}', 'queue.lease', /by email may take/],
    ['channels: {webhook: {timeout: 40s, tries: 3}}', 'queue.lease', /by webhook may take/],
    ['channels: {websocket: {idle_timeout: 30s}}', 'channels.websocket.idle_timeout', /longer than/],
    ['server: {batch_body_limit: 1kb}', 'server.batch_body_limit', /at least server.body_limit/],
    [
      'channels: {email: {smtp: {host: h, username: u}}}',
      'channels.email.smtp',
      /both username and password/,
    ],
  ]
  for (const [text, key, message] of cases)
    t.match(refusal({ path: await file(t, text) }).problems, [{ key, message }], text)
  const off = await file(t, 'channels: {webhook: {enabled: false, timeout: 40s, tries: 3}}')
  t.notOk(
    loadConfig({ path: off, env: {} }).channels.webhook.enabled,
    'a channel that is off does not matter',
  )
})

t.test('a file that was named and is not there is an error', async (t) => {
  const path = join(tmpdir(), 'no', 'such.yaml')
  t.match(refusal({ path }).message, `The configuration ${path} cannot be used:\n  cannot be read`)
  t.throws(() => loadConfig({ env: { CONFIG_FILE: path } }), ConfigError)
})

t.test('the shipped file reads the variables that users rely on', async (t) => {
  const text = readFileSync(new URL('../../config.yaml', import.meta.url), 'utf8')
  t.doesNotThrow(() => parse(text))
  for (const name of [
    'PORT',
    'DB_HOST',
    'DB_PORT',
    'DB_NAME',
    'DB_USER',
    'DB_PASSWORD',
    'DATABASE_URL',
    'REDIS_ADDR',
    'REDIS_URL',
    'SMTP_HOST',
    'SMTP_PORT',
    'SMTP_USERNAME',
    'SMTP_PASSWORD',
    'DATA_DIR',
    'AUTH_JWT_SECRET',
    'AUTH_JWKS_URL',
    'LOG_LEVEL',
    'RATE_LIMIT_ENABLED',
    'API_RATE_LIMIT_USER',
    'API_RATE_LIMIT_SENDER',
    'WEBHOOK_ALLOWLIST',
    'WEBHOOK_ALLOW_PRIVATE',
  ])
    t.match(text, `\${${name}:`, name)
})
