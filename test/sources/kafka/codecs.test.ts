import { gunzipSync, gzipSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compress } from 'snappyjs'
import t from 'tap'
import { gunzip } from '../../../src/sources/kafka/codecs/gzip.js'
import { installCodecs } from '../../../src/sources/kafka/codecs/install.js'
import { unlz4 } from '../../../src/sources/kafka/codecs/lz4.js'
import { walkRecords } from '../../../src/sources/kafka/codecs/record-walk.js'
import { unsnappy } from '../../../src/sources/kafka/codecs/snappy.js'
import { undecodable } from '../../../src/sources/kafka/codecs/undecodable.js'
import { unzstd } from '../../../src/sources/kafka/codecs/zstd.js'
import { COMPRESSED_BATCHES, LARGE_BATCH } from '../../support/kafka-batches.js'

const MOST = 1_048_576
const { CompressionCodecs, CompressionTypes } = kafkajs
installCodecs(kafkajs)

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')

for (const { name, type, base64 } of COMPRESSED_BATCHES) {
  t.test(`${name} is read`, async (t) => {
    const records = await CompressionCodecs[type]().decompress(bytes(base64))
    walkRecords(records, 12)
    t.match(records.toString(), '"number":12')
  })
}

t.test('what is compressed in several blocks is read', async (t) => {
  const { value, zstd, lz4 } = LARGE_BATCH
  t.ok((await unzstd(bytes(zstd), MOST)).includes(value))
  t.ok((await unlz4(gunzipSync(bytes(lz4)), MOST)).includes(value))
  const block = (text: string): Buffer => {
    const compressed = compress(Buffer.from(text))
    const length = Buffer.alloc(4)
    length.writeInt32BE(compressed.length)
    return Buffer.concat([length, compressed])
  }
  const header = bytes('glNOQVBQWQAAAAABAAAAAQ==')
  const framed = Buffer.concat([header, block('one, '), block('two')])
  t.equal((await unsnappy(framed, MOST)).toString(), 'one, two')
  await t.rejects(unsnappy(framed.subarray(0, -1), MOST), /block that does not end/)
})

t.test('what becomes too much is not read at all', async (t) => {
  const { value, zstd, lz4 } = LARGE_BATCH
  const most = value.length / 2
  await t.rejects(unzstd(bytes(zstd), most), /more than 160000 bytes/)
  await t.rejects(unlz4(gunzipSync(bytes(lz4)), most), /more than 160000 bytes/)
  await t.rejects(unsnappy(compress(Buffer.from(value)), most), /too big/)
  await t.rejects(gunzip(gzipSync(value), most), { code: 'ERR_BUFFER_TOO_LARGE' })
})

/** A batch as it stands in a fetched answer, and of that the part that a codec is handed. */
function fetched(compressed: Buffer, type: number, count: number): Buffer {
  const header = Buffer.alloc(61)
  header.writeBigInt64BE(40n, 0)
  header.writeInt32BE(49 + compressed.length, 8)
  header.writeInt8(2, 16)
  header.writeInt16BE(type, 21)
  header.writeInt32BE(count - 1, 23)
  header.writeInt32BE(count, 57)
  return Buffer.concat([header, compressed]).subarray(61)
}

t.test('a batch that cannot be read becomes records that say so', async (t) => {
  for (const { name, type, base64 } of COMPRESSED_BATCHES) {
    const whole = bytes(base64)
    const broken = [whole.subarray(0, 40), Buffer.concat([whole.subarray(0, 20), Buffer.alloc(60, 0xff)])]
    for (const compressed of broken) {
      const records: Buffer = await CompressionCodecs[type]().decompress(fetched(compressed, type, 12))
      walkRecords(records, 12)
      t.ok(records.includes(compressed), `${name}: the batch is in them`)
      t.match(records.toString(), /\["40",12,"(gzip|snappy|lz4|zstd): /, name)
    }
  }
})

t.test('one that says it has more records than there are is not read either', async (t) => {
  const { GZIP } = CompressionTypes
  const compressed = bytes(COMPRESSED_BATCHES[0].base64)
  const records: Buffer = await CompressionCodecs[GZIP]().decompress(fetched(compressed, GZIP, 13))
  t.match(records.toString(), /ends too early/)
  const many = CompressionCodecs[GZIP]().decompress(fetched(compressed, GZIP, 2_000_000_000))
  await t.rejects(many, /2000000000 records/)
})

t.test('without a header in front of it nobody knows which records these are', async (t) => {
  const { LZ4 } = CompressionTypes
  await t.rejects(
    CompressionCodecs[LZ4]().decompress(Buffer.from('nothing')),
    /lz4 batch cannot be decompressed/,
  )
})

t.test('a header of somebody else is no mark', async (t) => {
  t.equal(undecodable({ 'x-undecodable': Buffer.from('["1",1,"no"]') }), null)
  t.equal(undecodable(undefined), null)
})
