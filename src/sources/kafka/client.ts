import type { Kafka, KafkaConfig, logCreator, SASLOptions } from 'kafkajs'
import type { Log } from '../../telemetry/log.js'
import { installCodecs } from './codecs/install.js'
import type { KafkaSettings } from './ports.js'

const CONNECT_MS = 5_000
/** Of requests that the broker does not answer later on purpose. */
const REQUEST_MS = 15_000

/**
 * What kafkajs tries again by itself, for some seconds. Then the consumer ends and is replaced, by the one
 * way that there is for everything: kafkajs would not restart it after every error.
 */
export const RETRY = {
  retries: 3,
  initialRetryTime: 300,
  maxRetryTime: 1_500,
  restartOnFailure: async (): Promise<boolean> => false,
}
/** Of what is asked again soon in any case, and must not be silent for long when a broker is not there. */
export const RETRY_ONCE = { ...RETRY, retries: 1 }

/** Loads kafkajs, which nobody needs who does not use Kafka. Nothing is connected yet. */
export async function kafkaClient(settings: KafkaSettings, retry: typeof RETRY, log: Log): Promise<Kafka> {
  const { default: kafkajs } = await import('kafkajs')
  installCodecs(kafkajs)
  const { brokers, clientId, ssl, sasl } = settings
  const config: KafkaConfig = {
    clientId,
    brokers: [...brokers],
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    retry,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: into(log),
  }
  if (ssl !== null) config.ssl = ssl.ca === null ? true : { ca: ssl.ca }
  if (sasl !== null) config.sasl = login(sasl)
  return new kafkajs.Kafka(config)
}

function login({ mechanism, username, password }: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password }
    case 'scram-sha-256':
      return { mechanism, username, password }
    case 'scram-sha-512':
      return { mechanism, username, password }
  }
}

/** What it reports besides what it throws; for debugging, because every outage fills pages. */
const into =
  (log: Log): logCreator =>
  () =>
  ({ namespace, log: { message, broker, error, groupId } }) =>
    log.event('kafka.client', { namespace, message, broker, error, group_id: groupId })
