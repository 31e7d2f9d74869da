/**
 * - `ADDRESS_REFUSED`: the name or address does not lead to the public internet
 * - `LOOKUP_TIMEOUT`: the name was not resolved in time
 * - `LOOKUP_BUSY`: too many names are being resolved already
 * - `CLOSED`: this process is shutting down
 */
export type OutboundErrorCode = 'ADDRESS_REFUSED' | 'LOOKUP_TIMEOUT' | 'LOOKUP_BUSY' | 'CLOSED'

/** Why we did not connect. What the network itself says comes as it is, from Node or undici. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly code: OutboundErrorCode

  constructor(code: OutboundErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
