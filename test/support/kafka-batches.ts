import kafkajs from 'kafkajs'

const { GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes

/** The values of the records in each of the batches below. */
export const COMPRESSED_VALUES = Array.from(
  { length: 12 },
  (_, index) =>
    `{"type":"codec.tried","data":{"number":${index + 1},"text":"the same words, over and over, over and over"}}`,
)

/** The compressed part of batches as producers have written them: kcat (librdkafka 2.0), Kafka's own (Java, 3.9). */
export const COMPRESSED_BATCHES = [
  {
    name: 'gzip by librdkafka',
    type: GZIP,
    base64:
      'H4sIAAAAAAAAA6XUywrCMBAF0ERERERExHWYdRHfj/5NbAZ00UbS+KL038QPKH6S0aWraWd3By6c1dxKCiHkUxbgH2eEGBJrMJl6d0IDERjtNcQFZJf0gA7ieQQe7z70/BFVrlNUN+tMHil7Rad0Zn7h74SyFFWAWnRowYLadGjJgjp0aMWCunRozYJ6dGjDgvp0aMuCBnRox4KGdGjfGHoHaCRf5IedsaRxDan5NnylSQ2p+Th8ACiFkLPvBAAA',
  },
  {
    name: 'snappy by librdkafka',
    type: Snappy,
    base64:
      '7wnwVs4BAAAAAcABeyJ0eXBlIjoiY29kZWMudHJpZWQiLCJkYXRhIjp7Im51bWJlciI6MSwidGV4dCI6InRoZSBzYW1lIHdvcmRzLCBvdmVyIGFuZCBvdmVyLAUGFQ8MIn19AAFpAAKmaQAEMizuaQAABKZpAAAz8mkAAAamaQAANPJpAAAIpmkAADXyaQAACqZpAAA28mkAAAymaQAAN/JpAAAOpmkAADjyaQAAEKZpAAA54mkAGNABAAASAcKisQMAMPJqAAAUqmoA5hwEAdQAFqpqAOYdBA==',
  },
  {
    name: 'lz4 by librdkafka',
    type: LZ4,
    base64:
      'BCJNGGBAguAAAADxSM4BAAAAAcABeyJ0eXBlIjoiY29kZWMudHJpZWQiLCJkYXRhIjp7Im51bWJlciI6MSwidGV4dCI6InRoZSBzYW1lIHdvcmRzLCBvdmVyIGFuZCBvdmVyLAYABQ8AQCJ9fQBpAB8CaQAXHzJpACofBGkAFx8zaQAqHwZpABcfNGkAKh8IaQAXHzVpACofCmkAFx82aQAqHwxpABcfN2kAKh8OaQAXHzhpACofEGkAFx85aQAmf9ABAAASAcKxAxYfMGoAKh8UagAYDxwEJwDUAB8WagAYDx0EIlByIn19AAAAAAA=',
  },
  {
    name: 'zstd by librdkafka',
    type: ZSTD,
    base64:
      'KLUv/QBYnQUAoocdJYBNOsdANEETGAKPoCY34z75IkdWFFVYgwIhPi6anIoAAABgSMqQwiVU98NwnkWo7mdykBgiBQjhMXAIGgEIoLqXWtbjBNnkjGSNilNqGEuQYlzpv/eG+829T6ZImOnVO2wY3x7ZMnsRcZTR3/nC6VfbWVXdKxgABqcAzBNIjDaYz7XF2YJyDU4WQCIgXQAxAUkC6AQkFkAiIF0AMQFJAugEJBZAIpBuNkAnsyFiW8w=',
  },
  {
    name: 'gzip by Java',
    type: GZIP,
    base64:
      'H4sIAAAAAAAA/6XUSQrCQBAF0G4REREREddNrRtxHnIG8Q6ddIEukkinnQi5m3iA4JEclq4qqd0v+PBW9UsphJAPmYO/nxACiFKL0di7I1rQYI03EOSQnOMQHQRTDR5v/tPzB1SZiVFdU2czrdILOmUS+wt/JxSFKKXYNejQjAU16dCcBbXo0IIFtenQkgV16NCKBXXp0JoF9ejQhgX16dC2NvSSYj+QT/LDTljSsIJUfxu+0qiCVH8c3vqIZV3vBAAA',
  },
  {
    name: 'snappy by Java, in the framing of xerial',
    type: Snappy,
    base64:
      'glNOQVBQWQAAAAABAAAAAQAAAN/6CfBVzgEAAAABwAF7InR5cGUiOiJjb2RlYy50cmllZCIsImRhdGEiOnsibnVtYmVyIjoxLCJ0ZXh0IjoidGhlIHNhbWUgd29yZHMsIG92ZXIgYW5kIG92ZXI6DwAkIn19ANABAKoDAqZqAAQyLPJqAAAEpmoAADP2agAABqZqAAA09moAAAimagAANfZqAAAKpmoAADb2agAADKZqAAA39moAAA6magAAOPZqAAAQpmoAADniagAc0gEArAMSAcKiugMAMO5rAAiuAxSqawDmJgQU0gEArgMWqmsA5icE',
  },
  {
    name: 'lz4 by Java',
    type: LZ4,
    base64:
      'BCJNGGBAguQAAADxSM4BAAAAAcABeyJ0eXBlIjoiY29kZWMudHJpZWQiLCJkYXRhIjp7Im51bWJlciI6MSwidGV4dCI6InRoZSBzYW1lIHdvcmRzLCBvdmVyIGFuZCBvdmVyLAYABQ8AryJ9fQDQAQC4AQJqABcfMmoAKx8EagAXHzNqACk/ugEGagAXHzRqACsfCGoAFx81agArHwpqABcfNmoAKx8MagAXHzdqACsfDmoAFx84agArHxBqABcfOWoAJhDSfAI/EgHCugMWHzBrACsfFGsAGA8mBCcB1gAfFmsAGA8nBCJQciJ9fQAAAAAA',
  },
  {
    name: 'zstd by Java',
    type: ZSTD,
    base64:
      'KLUv/QBYvAUAlAfOAQAAAAHAAXsidHlwZSI6ImNvZGVjLnRyaWVkIiwiZGF0YSI6eyJudW1iZXIiOjEsInRleHQiOiJ0aGUgc2FtZSB3b3Jkcywgb3ZlciBhbmQifX0A0AEAgAICMgQzBjQINQo2DDcOOBA50hIBwjEw0gEAggIUMRYyGQAGpwDMG0gMN5jQvsXZgnJgFYPzAogNSBJANyCxAJIB6QKIDUgSQDcgsQCSAekCiA0ksQ0QymyI2BYzAQAA',
  },
] as const

/** One record of 320 000 bytes, which is `0123456789abcdef` again and again, by Java: in several blocks. */
export const LARGE_BATCH = {
  value: '0123456789abcdef'.repeat(20_000),
  zstd: 'KLUv/QBYFAEA0JCIJwAAAAGAiCcwMTIzNDU2Nzg5YWJjZGVmAQCO/08+x0wAAAg2AQD8/zkQAlQAABA2AAEABmIdCAEBAAA=',
  /** Of the frame, once more by gzip. */
  lz4: 'H4sIAAAAAAACA2NR8pVIcGhSZWRg+M89oUOdgYGBsaFD3cDQyNjE1MzcwjIxKTklNU2A4f8IB+cCwEEiDQooRkTAQAJqNHhujAbPaPBQGjx/GUZq8BwNAPmXAQQA7m8UyJIFAAA=',
} as const
