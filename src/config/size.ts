const BYTES_PER_UNIT: Readonly<Record<string, number>> = { b: 1, kb: 1_024, mb: 1_048_576, gb: 1_073_741_824 }

/** Reads `512`, `16kb` or `1mb` (1024 × 1024) as bytes; null when it is none. */
export function parseSize(text: string): number | null {
  const [, amount, unit] = /^(\d+)\s*(b|kb|mb|gb)?$/i.exec(text) ?? []
  const factor = BYTES_PER_UNIT[(unit ?? 'b').toLowerCase()]
  return amount === undefined || factor === undefined ? null : Number(amount) * factor
}
