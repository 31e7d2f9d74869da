import { readFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import type { Frozen } from './frozen.js'
import type { Problem } from './problem.js'
import { Count, Duration, Flag, List, OneOf, OptionalText, Size, section, Text } from './values.js'

const KB = 1_024
const MB = 1_048_576
const SECOND = 1_000
const MINUTE = 60_000
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export const kafkaSchema = section({
  brokers: List('host-and-port'),
  group_id: Text,
  topics: List('topic'),
  client_id: Text,
  ssl: section({ enabled: Flag, ca: OptionalText }),
  sasl: section({
    mechanism: Type.Optional(OneOf(MECHANISMS)),
    username: OptionalText,
    password: OptionalText,
  }),
  partitions: Count(1, 64),
  session_timeout: Duration(SECOND, 30 * MINUTE),
  from_beginning: Flag,
  max_bytes: Size(KB, 64 * MB),
  retry_delays: Type.Optional(Type.Array(Duration(1, 10 * MINUTE), { maxItems: 10 })),
})

export type KafkaConfig = Frozen<ReturnType<typeof kafkaOf>>

export function kafkaOf(kafka: Static<typeof kafkaSchema>) {
  const { ssl, sasl } = kafka
  return {
    /** Empty: Kafka is off. */
    brokers: kafka.brokers ?? [],
    groupId: kafka.group_id,
    /** Empty: those of the routes. */
    topics: kafka.topics ?? [],
    clientId: kafka.client_id,
    /** Null: not encrypted. `ca` is PEM; without one, the authorities that Node knows. */
    ssl: ssl.enabled ? { ca: ssl.ca ? authority(ssl.ca) : null } : null,
    /** Null: without a login. */
    sasl: sasl.mechanism
      ? { mechanism: sasl.mechanism, username: sasl.username ?? '', password: sasl.password ?? '' }
      : null,
    /** Worked on side by side. */
    partitionsAtOnce: kafka.partitions,
    sessionTimeoutMs: kafka.session_timeout,
    /** Whether a group that has not been here before begins with the oldest record. */
    fromBeginning: kafka.from_beginning,
    /** Of one partition in one fetch. */
    maxBytes: kafka.max_bytes,
    /** After which times a record that failed is tried again. */
    retryDelaysMs: kafka.retry_delays ?? [],
  }
}

/** @param routes how many there are */
export function kafkaProblems(
  { brokers, topics, ssl, sasl }: KafkaConfig,
  routes: number,
): readonly Problem[] {
  const problems: Problem[] = []
  if (brokers.length === 0) return problems
  if (topics.length === 0 && routes === 0) {
    problems.push({
      key: 'kafka.topics',
      message: '(KAFKA_TOPICS) is needed where there are no events.routes',
    })
  }
  if (ssl?.ca === '') {
    problems.push({
      key: 'kafka.ssl.ca',
      message: '(KAFKA_SSL_CA) must be a certificate in PEM, or name a file that holds one',
    })
  }
  if (sasl !== null && (sasl.username === '' || sasl.password === '')) {
    problems.push({
      key: 'kafka.sasl',
      message: `needs username and password (KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD) for ${sasl.mechanism}`,
    })
  }
  return problems
}

/** PEM; empty when there is none. */
function authority(given: string): string {
  const pem = given.includes('-----BEGIN') ? given.replaceAll('\\n', '\n') : contentOf(given)
  return pem.includes('-----BEGIN CERTIFICATE') ? pem : ''
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
