import type kafkajs from 'kafkajs'
import { headerInFrontOf } from './batch-header.js'
import { gunzip } from './gzip.js'
import { unlz4 } from './lz4.js'
import { walkRecords } from './record-walk.js'
import { unsnappy } from './snappy.js'
import { insteadOf } from './undecodable.js'
import { unzstd } from './zstd.js'

/** @param most in bytes; more throws */
type Decompress = (compressed: Buffer, most: number) => Promise<Buffer>

/** What a compressed batch may become. Producers begin a new one after 1 MB or less, but for a larger record. */
const MOST_BYTES = 64 * 1_048_576

const installed = new WeakSet<object>()

/**
 * Teaches kafkajs what producers compress with. It would begin anew, for ever, at a batch that cannot be
 * decompressed, with every partition of that broker; here such a batch becomes records that say so.
 */
export function installCodecs({ CompressionCodecs, CompressionTypes }: typeof kafkajs): void {
  if (installed.has(CompressionCodecs)) return
  installed.add(CompressionCodecs)
  const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes
  CompressionCodecs[GZIP] = () => codec(GZIP, 'gzip', gunzip)
  CompressionCodecs[Snappy] = () => codec(Snappy, 'snappy', unsnappy)
  CompressionCodecs[LZ4] = () => codec(LZ4, 'lz4', unlz4)
  CompressionCodecs[ZSTD] = () => codec(ZSTD, 'zstd', unzstd)
}

const codec = (type: number, name: string, decompress: Decompress) => ({
  compress: async (): Promise<never> => {
    throw new Error(`Nothing is produced here, and not with ${name}`)
  },
  decompress: async (compressed: Buffer): Promise<Buffer> => {
    const header = headerInFrontOf(compressed, type)
    try {
      const records = await decompress(compressed, MOST_BYTES)
      if (header !== null) walkRecords(records, header.count)
      return records
    } catch (cause) {
      if (header === null) throw new Error(`A ${name} batch cannot be decompressed`, { cause })
      return insteadOf(
        header,
        compressed,
        `${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      )
    }
  },
})
