import { bounded } from './bounded.js'

/** An LZ4 frame, as Kafka has them. @param most in bytes; more throws */
export async function unlz4(compressed: Buffer, most: number): Promise<Buffer> {
  const { decompressBound, decompressFrame } = (await import('lz4js')).default
  const into = Buffer.alloc(bounded(decompressBound(compressed), most))
  return into.subarray(0, decompressFrame(compressed, into))
}
