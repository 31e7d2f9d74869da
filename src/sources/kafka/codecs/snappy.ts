import { bounded } from './bounded.js'

/** In front of the blocks that Java's library makes; after it come two versions, of 4 bytes each. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/**
 * One block, as librdkafka and others send it, or several, each with its length in front, as Java does
 * (the framing of xerial/snappy-java). @param most in bytes; more throws
 */
export async function unsnappy(compressed: Buffer, most: number): Promise<Buffer> {
  const { uncompress } = (await import('snappyjs')).default
  if (!compressed.subarray(0, XERIAL.length).equals(XERIAL)) return uncompress(compressed, most)
  const blocks: Buffer[] = []
  let size = 0
  let at = XERIAL_HEADER_BYTES
  while (at < compressed.length) {
    const end = at + 4 + compressed.readInt32BE(at)
    if (end <= at || end > compressed.length) throw new Error('has a block that does not end')
    const block = uncompress(compressed.subarray(at + 4, end), most)
    size = bounded(size + block.length, most)
    blocks.push(block)
    at = end
  }
  return Buffer.concat(blocks, size)
}
