import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/config/problem.js'

type Env = Readonly<Record<string, string>>

const kafka = (env: Env) => loadConfig({ env }).kafka
const BROKERS = { KAFKA_BROKERS: 'one:9092, two:9092' }
const PEM = '-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----'

function complaints(env: Env): readonly string[] {
  try {
    loadConfig({ env })
  } catch (err) {
    if (err instanceof ConfigError) return err.problems.map(({ key, message }) => `${key} ${message}`)
    throw err
  }
  return []
}

t.test('without brokers it is off', async (t) => {
  t.match(kafka({}), {
    brokers: [],
    topics: [],
    groupId: 'notification-consumer',
    ssl: null,
    sasl: null,
    partitionsAtOnce: 6,
    fromBeginning: true,
    retryDelaysMs: [1_000, 5_000, 15_000],
  })
})

t.test('the environment names brokers, topics and the login', async (t) => {
  const sasl = { mechanism: 'scram-sha-512', username: 'ada', password: 'secret' }
  const env = {
    ...BROKERS,
    KAFKA_TOPICS: 'order.paid,user-registered',
    KAFKA_GROUP_ID: 'mine',
    KAFKA_SSL: 'true',
    KAFKA_SASL_MECHANISM: sasl.mechanism,
    KAFKA_SASL_USERNAME: sasl.username,
    KAFKA_SASL_PASSWORD: sasl.password,
  }
  t.match(kafka(env), {
    brokers: ['one:9092', 'two:9092'],
    topics: ['order.paid', 'user-registered'],
    groupId: 'mine',
    ssl: { ca: null },
    sasl,
  })
})

t.test('an authority is given as PEM or as a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kafka-config-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'ca.pem')
  await writeFile(file, PEM.replaceAll('\\n', '\n'))
  for (const KAFKA_SSL_CA of [PEM, file]) {
    t.match(kafka({ ...BROKERS, KAFKA_SSL: 'true', KAFKA_SSL_CA }).ssl, {
      ca: /^-----BEGIN CERTIFICATE-----\nMIIB\n/,
    })
  }
  t.match(complaints({ ...BROKERS, KAFKA_SSL: 'true', KAFKA_SSL_CA: '/nowhere' }), [/^kafka.ssl.ca .*PEM/])
})

t.test('what is wrong is named', async (t) => {
  t.match(complaints({ KAFKA_BROKERS: 'localhost' }), [/^kafka.brokers .*localhost:6379|host and port/])
  t.match(complaints({ KAFKA_TOPICS: 'a b' }), [/^kafka.topics .*topics such as order.created/])
  t.match(complaints({ KAFKA_SASL_MECHANISM: 'gssapi' }), [/^kafka.sasl.mechanism .*scram-sha-256/])
  t.match(complaints({ ...BROKERS, KAFKA_SASL_MECHANISM: 'plain' }), [
    /^kafka.sasl needs username and password/,
  ])
})
