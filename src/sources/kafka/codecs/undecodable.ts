import { randomUUID } from 'node:crypto'
import type { BatchHeader } from './batch-header.js'
import { varint } from './varint.js'

/** A header that nobody else can know. */
const MARK = randomUUID()
/** A batch that says it has more is answered with so many; the last one has the last offset all the same. */
const MOST_RECORDS = 1_000_000

const field = (bytes: Buffer | null): Buffer =>
  bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])

/**
 * In place of the records of a batch that cannot be read: as many that say so, at the same offsets. The first
 * one carries the batch as it came. So it takes the way of everything else, and nothing else waits behind it.
 */
export function insteadOf(
  { baseOffset, lastOffsetDelta, count }: BatchHeader,
  compressed: Buffer,
  why: string,
): Buffer {
  if (count < 1 || count > MOST_RECORDS) throw new Error(`says that it has ${count} records`)
  const mark = [
    field(Buffer.from(MARK)),
    field(Buffer.from(JSON.stringify([String(baseOffset), count, why]))),
  ]
  const records: Buffer[] = []
  for (let index = 0; index < count; index++) {
    const record = Buffer.concat([
      Buffer.from([0]),
      varint(0),
      varint(index === count - 1 ? lastOffsetDelta : index),
      field(null),
      field(index === 0 ? compressed : null),
      varint(1),
      ...mark,
    ])
    records.push(field(record))
  }
  return Buffer.concat(records)
}

/** What is known of a batch that cannot be read. */
export interface Undecodable {
  /** Of its first record. */
  readonly baseOffset: string
  readonly detail: string
}

/** Null for a record that was read. */
export function undecodable(headers: Readonly<Record<string, unknown>> | undefined): Undecodable | null {
  const marked = headers?.[MARK]
  if (!Buffer.isBuffer(marked)) return null
  const [baseOffset, count, why]: unknown[] = JSON.parse(marked.toString())
  return {
    baseOffset: String(baseOffset),
    detail: `the batch of ${String(count)} records that begins at offset ${String(baseOffset)} cannot be decompressed: ${String(why)}`,
  }
}
