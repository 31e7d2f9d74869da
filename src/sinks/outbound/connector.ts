import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { OutboundError } from './error.js'
import { isPublicAddress } from './public-address.js'

export interface ConnectorOptions {
  readonly allowPrivate: boolean
  /** From `checkedLookup`; shared by all connectors, for it bounds the lookups. */
  readonly lookup: LookupFunction
  /** Milliseconds for name, TCP and TLS together. */
  readonly timeoutMs: number
  /** PEM of the only authorities to trust; Node's own by default. */
  readonly ca?: string | undefined
  /** Destroys the socket, connected or not. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The way out: a connector for undici that reaches public addresses only. Literal addresses are
 * checked here, names by `lookup`, and whatever we ended up at once more before it is used. TLS
 * still checks the certificate against the name.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { allowPrivate, lookup, timeoutMs, ca, signal } = options
  const connect = buildConnector({
    lookup,
    timeout: timeoutMs,
    autoSelectFamily: true,
    maxCachedSessions: 0,
    ...(ca === undefined ? {} : { ca }),
    ...(signal === undefined ? {} : { signal }),
  })
  if (allowPrivate) return connect
  const checked = checkedPeer(connect)
  return (target, callback) => {
    if (isIP(target.hostname) === 0 || isPublicAddress(target.hostname)) checked(target, callback)
    else process.nextTick(callback, refused(target.hostname), null)
  }
}

/** Gives up a connection that turns out to end at an address that is not public. */
export function checkedPeer(connect: buildConnector.connector): buildConnector.connector {
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      if (isPublicAddress(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(refused(target.hostname), null)
    })
  }
}

function refused(hostname: string): OutboundError {
  return new OutboundError('ADDRESS_REFUSED', `${hostname} is not a public address`)
}
