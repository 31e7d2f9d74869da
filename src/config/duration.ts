const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** What Node's timers can wait: 2^31 - 1 ms. They take a longer time for 1 ms. */
export const LONGEST_DURATION_MS = 2_147_483_647

/** Reads `250ms`, `30s`, `5m`, `1.5h` or `7d` as milliseconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = MS_PER_UNIT[unit]
  return factor === undefined ? null : Math.round(Number(amount) * factor)
}

/** For messages; rounded to whole units. */
export function writeDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = MS_PER_UNIT[unit]
    if (factor !== undefined && ms >= factor) return `${Math.floor(ms / factor)}${unit}`
  }
  return `${ms}ms`
}
