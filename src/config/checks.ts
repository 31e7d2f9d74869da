import { type Channel, QUEUED_CHANNELS, type QueuedChannel } from '../model/notification.js'
import { emailProblems } from './channels/email-problems.js'
import { pushProblems } from './channels/push.js'
import { smsProblems } from './channels/sms.js'
import { websocketProblems } from './channels/websocket.js'
import type { Config } from './config.js'
import { writeDuration } from './duration.js'
import { eventProblems } from './event-routes.js'
import { kafkaProblems } from './kafka.js'
import type { Problem } from './problem.js'
import { workersProblems } from './workers.js'

const SHORTEST_SECRET_BYTES = 32
/** For claiming and settling, and for each pause between the tries of one attempt. */
const LEASE_MARGIN_MS = 10_000
const PAUSE_MS = 5_000

/** What no single key shows: values that do not go together. */
export function contradictions(config: Config): readonly Problem[] {
  const { auth, channels, intake, queue, server, templates, unsubscribe } = config
  const problems: Problem[] = []
  const demand = (holds: boolean, key: string, message: string): void => {
    if (!holds) problems.push({ key, message })
  }
  demand(
    auth.jwtSecret === null || Buffer.byteLength(auth.jwtSecret) >= SHORTEST_SECRET_BYTES,
    'auth.jwt_secret',
    `(AUTH_JWT_SECRET) is too short; HS256 needs at least ${SHORTEST_SECRET_BYTES} bytes (RFC 7518 §3.2)`,
  )
  demand(
    unsubscribe.secret === null || Buffer.byteLength(unsubscribe.secret) >= SHORTEST_SECRET_BYTES,
    'unsubscribe.secret',
    `(UNSUBSCRIBE_SECRET) is too short; whoever guesses it unsubscribes anybody: it needs at least ${SHORTEST_SECRET_BYTES} bytes`,
  )
  for (const name of QUEUED_CHANNELS) {
    const channel = channels[name]
    const { timeoutMs, tries } = channel.delivery
    const longest = timeoutMs * tries + PAUSE_MS * (tries - 1) + LEASE_MARGIN_MS
    demand(
      !channel.enabled || queue.leaseMs >= longest,
      'queue.lease',
      `is too short: an attempt by ${name} may take ${writeDuration(longest)} (channels.${name}.timeout × tries, pauses and margin), and a lease that ends before it lets another instance send it again`,
    )
  }
  for (const channel of QUEUED_CHANNELS) {
    demand(
      !leadsBack(channel, channels),
      `channels.${channel}.fallback`,
      'leads back to the channel itself, so that what fails would be sent for ever',
    )
  }
  demand(
    server.batchBodyLimitBytes >= server.bodyLimitBytes,
    'server.batch_body_limit',
    'must be at least server.body_limit',
  )
  demand(
    templates.hardTimeoutMs > templates.timeoutMs,
    'templates.hard_timeout',
    'must be longer than templates.timeout, which ends most texts more gently',
  )
  demand(
    templates.maxWaiting >= intake.batchSize * intake.inFlight,
    'templates.waiting',
    'must be at least intake.batch_size × intake.in_flight, or full batches are refused',
  )
  problems.push(
    ...workersProblems(config),
    ...kafkaProblems(config.kafka, config.events.routes.length),
    ...eventProblems(config.events),
    ...emailProblems(channels.email),
    ...smsProblems(channels.sms),
    ...websocketProblems(channels.websocket),
    ...pushProblems(channels.push),
  )
  return problems
}

/** Whether the fallbacks that begin at a channel come to it again. */
function leadsBack(start: QueuedChannel, channels: Config['channels']): boolean {
  let next: Channel | null = start
  for (const _ of QUEUED_CHANNELS) {
    if (next === null || next === 'in_app') return false
    next = channels[next].fallback
    if (next === start) return true
  }
  return false
}
