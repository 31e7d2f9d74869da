/** Of a batch of records, format 2 (Kafka's message format documentation, "Record Batch"), in bytes. */
const HEADER_BYTES = 61
const LENGTH_AT = 8
/** What `LENGTH_AT` does not count. */
const BEFORE_LENGTH_ENDS = 12
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const COUNT_AT = 57
const FORMAT = 2
const CODEC_MASK = 7

export interface BatchHeader {
  readonly baseOffset: bigint
  /** Of the last record, counted from the base. */
  readonly lastOffsetDelta: number
  /** Of records; fewer than the offsets where the log was compacted. */
  readonly count: number
}

/**
 * A codec is handed the compressed records alone. They are a part of the answer that was fetched, and what
 * is in front of them there says which records they are. Null where there is no such header.
 */
export function headerInFrontOf(records: Buffer, codec: number): BatchHeader | null {
  if (records.byteOffset < HEADER_BYTES) return null
  const header = Buffer.from(records.buffer, records.byteOffset - HEADER_BYTES, HEADER_BYTES)
  const fits =
    header.readInt8(MAGIC_AT) === FORMAT &&
    (header.readInt16BE(ATTRIBUTES_AT) & CODEC_MASK) === codec &&
    header.readInt32BE(LENGTH_AT) + BEFORE_LENGTH_ENDS === HEADER_BYTES + records.length
  if (!fits) return null
  return {
    baseOffset: header.readBigInt64BE(0),
    lastOffsetDelta: header.readInt32BE(LAST_OFFSET_DELTA_AT),
    count: header.readInt32BE(COUNT_AT),
  }
}
