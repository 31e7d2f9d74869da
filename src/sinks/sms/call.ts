import type { Agent } from 'node:http'
import { DeliveryFailure } from '../../model/outcome.js'
import { Connection, type Destination } from './connection.js'

/**
 * Reads the vendor's answer in what its SDK rejected with; null when there is none.
 * @param status of HTTP; null when that is not known
 */
export type RefusalOf = (error: unknown, status: number | null) => DeliveryFailure | null

/**
 * Lets an SDK make one request over a connection of its own, which is gone when this has settled.
 * @param read null: it is not an answer that the vendor documents
 * @throws DeliveryFailure what `read` throws, and `uncertain` when the request may have been written and no answer says what became of it
 */
export async function call<T>(
  provider: string,
  destination: Destination,
  signal: AbortSignal,
  request: (agent: Agent) => Promise<unknown>,
  read: (answer: unknown) => T | null,
  refusalOf: RefusalOf,
): Promise<T> {
  if (signal.aborted) throw endedBeforehand(provider, signal)
  const connection = new Connection(destination)
  const cut = () => connection.cut(new Error('cut off'))
  signal.addEventListener('abort', cut, { once: true })
  try {
    const answer = read(await Promise.race([request(connection.agent), connection.whenCut]))
    if (answer === null) throw new Error('not an answer that is documented')
    return answer
  } catch (error) {
    if (error instanceof DeliveryFailure) throw error
    const refusal = signal.aborted ? null : refusalOf(error, connection.status)
    throw refusal ?? failureOf(provider, error, connection, signal)
  } finally {
    signal.removeEventListener('abort', cut)
    connection.close()
  }
}

/** The SDK's error stays behind once there was a request: it may hold that, or the answer, and so the number. */
function failureOf(
  provider: string,
  error: unknown,
  connection: Connection,
  signal: AbortSignal,
): DeliveryFailure {
  if (!connection.reached) {
    if (signal.aborted) return endedBeforehand(provider, signal)
    if (!connection.begun) {
      return failure(provider, 'internal', `the SDK of ${provider} made no request`, { cause: error })
    }
    return failure(provider, 'connection_failed', `no connection to ${provider}${codeOf(connection.error)}`, {
      cause: connection.error,
    })
  }
  const uncertain = true
  if (signal.aborted) {
    const code = isTimeout(signal) ? 'timeout' : 'abandoned'
    return failure(provider, code, `given up before ${provider} answered`, { uncertain })
  }
  const { status } = connection
  if (status !== null && status >= 400 && status < 500 && status !== 408) {
    const code = status === 429 ? 'throttled' : 'unavailable'
    return failure(provider, code, `${provider} answered with HTTP ${status}`, {})
  }
  if (connection.answered) {
    const what = status === null ? '' : ` (HTTP ${status})`
    return failure(provider, 'unavailable', `the answer of ${provider} cannot be read${what}`, { uncertain })
  }
  const message = `the connection to ${provider} was lost before it answered${codeOf(connection.error)}`
  return failure(provider, 'connection_failed', message, { uncertain, cause: connection.error })
}

function endedBeforehand(provider: string, signal: AbortSignal): DeliveryFailure {
  return isTimeout(signal)
    ? failure(provider, 'timeout', `no connection to ${provider} in time`, {})
    : failure(provider, 'abandoned', `given up before ${provider} was asked`, {})
}

const failure = (
  provider: string,
  code: DeliveryFailure['code'],
  message: string,
  { uncertain = false, cause }: { readonly uncertain?: boolean; readonly cause?: unknown },
): DeliveryFailure =>
  new DeliveryFailure(code, message, { retryable: true, uncertain, provider, cause: cause ?? undefined })

const isTimeout = ({ reason }: AbortSignal): boolean =>
  reason instanceof Error && reason.name === 'TimeoutError'

/** Node and OpenSSL put a name here that is fit for a message. */
const codeOf = (error: Error | null): string =>
  error !== null && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
