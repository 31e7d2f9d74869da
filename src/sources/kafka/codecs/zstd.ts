import { bounded } from './bounded.js'

const MAGIC = 0xfd2fb528
/** RFC 8878 §3.1.1.2.4. */
const LARGEST_BLOCK_BYTES = 131_072
const RAW = 0
const RUN = 1

/** One Zstandard frame, as all of Kafka's clients write it. What comes after its end is zeros. @param most in bytes; more throws */
export async function unzstd(compressed: Buffer, most: number): Promise<Buffer> {
  const { decompress } = await import('fzstd')
  // It is given the place to write to: else it would take the window that the frame asks for, up to 2 GB.
  const into = Buffer.alloc(bounded(sizeAtMost(compressed), most))
  return Buffer.from(decompress(compressed, into).buffer, into.byteOffset, into.length)
}

/** By the headers of the blocks (RFC 8878 §3.1.1), in bytes. */
function sizeAtMost(frame: Buffer): number {
  if (frame.readUInt32LE(0) !== MAGIC) throw new Error('is no Zstandard frame')
  let at = 4 + headerBytes(frame.readUInt8(4))
  let size = 0
  for (let last = false; !last; ) {
    const header = frame.readUIntLE(at, 3)
    const type = (header >> 1) & 3
    const bytes = header >> 3
    last = (header & 1) === 1
    size += type === RAW || type === RUN ? bytes : LARGEST_BLOCK_BYTES
    at += 3 + (type === RUN ? 1 : bytes)
  }
  const checksum = (frame.readUInt8(4) >> 2) & 1
  if (at + checksum * 4 !== frame.length) throw new Error('is not one whole frame')
  return size
}

/** RFC 8878 §3.1.1.1: its own byte, the window, the dictionary and the content's size. */
function headerBytes(descriptor: number): number {
  const single = (descriptor >> 5) & 1
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  const content = [single, 2, 4, 8][descriptor >> 6] ?? 0
  return 1 + (1 - single) + dictionary + content
}
