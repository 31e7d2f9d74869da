const FINAL = 0x80
const TEXT = 0x1
const PING = 0x9

/**
 * A text message as it goes over the wire: one final, unmasked frame (RFC 6455 §5.2). The
 * bytes are the same for every socket, so a message is framed once however many get it.
 */
export function wire(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(header + length)
  bytes[0] = FINAL | TEXT
  if (header === 2) {
    bytes[1] = length
  } else if (header === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  bytes.write(text, header)
  return bytes
}

/** A ping without payload (RFC 6455 §5.5.2). */
export const PING_BYTES = Buffer.from([FINAL | PING, 0])
