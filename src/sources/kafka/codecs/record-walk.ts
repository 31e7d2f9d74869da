/** Of 64 bits; the longest that a number may be. */
const LONGEST_VARINT_BYTES = 10

/**
 * Goes through the records of a batch as they were before compression, so that what is damaged is found here
 * and not where nobody knows any more which records these are. Throws where they do not add up.
 */
export function walkRecords(records: Buffer, count: number): void {
  const walk = new Walk(records)
  for (let record = 0; record < count; record++) {
    const end = walk.sized()
    walk.skip(1)
    walk.number()
    walk.number()
    walk.bytes()
    walk.bytes()
    for (let headers = walk.number(); headers > 0; headers--) {
      walk.bytes()
      walk.bytes()
    }
    if (walk.at !== end) throw new Error('has records that do not add up')
  }
}

class Walk {
  at = 0
  readonly #records: Buffer

  constructor(records: Buffer) {
    this.#records = records
  }

  /** Where the bytes end whose length comes now. */
  sized(): number {
    const length = this.number()
    return this.at + Math.max(0, length)
  }

  /** A length, and so many bytes. */
  bytes(): void {
    this.skip(this.sized() - this.at)
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.#records.length) throw new Error('ends too early')
  }

  number(): number {
    let value = 0
    for (let byte = 0; byte < LONGEST_VARINT_BYTES; byte++) {
      const next = this.#records[this.at]
      if (next === undefined) throw new Error('ends too early')
      this.at++
      value += (next & 0x7f) * 2 ** (7 * byte)
      if (next <= 0x7f) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new Error('has a number that does not end')
  }
}
