import { WebSocketServer } from 'ws'
import { Failure } from '../../model/failure.js'
import { Socket } from './connection.js'
import { SUBPROTOCOL } from './handshake.js'
import { refuse } from './refusal.js'

/** The longest message of a client, in bytes. All it may send is a ping. */
const MAX_PAYLOAD = 16_384
const MAX_FRAGMENTS = 16

export type Upgrader = InstanceType<typeof WebSocketServer<typeof Socket>>

/** @param closeTimeout milliseconds that a client has to answer a close frame */
export function createUpgrader(closeTimeout: number): Upgrader {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MAX_FRAGMENTS,
    skipUTF8Validation: false,
    closeTimeout,
    // The token that may stand among the offers is never echoed.
    handleProtocols: () => SUBPROTOCOL,
    WebSocket: Socket,
  }
  const upgrader = new WebSocketServer(options)
  upgrader.on('wsClientError', (cause, stream) =>
    refuse(stream, new Failure('validation_failed', cause.message, { cause })),
  )
  return upgrader
}
