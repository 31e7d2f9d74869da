/** How many notifications stand in each status, or were refused for each reason. */
export type StatusCounts = Readonly<Record<string, number>>

export const total = (counts: StatusCounts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Those whose status is not final. */
export const unfinished = (counts: StatusCounts): number => (counts.pending ?? 0) + (counts.sending ?? 0)

/** Sent, of those that were tried to the end; null when there were none. */
export function successRate(counts: StatusCounts): number | null {
  const sent = counts.sent ?? 0
  const tried = sent + (counts.failed ?? 0) + (counts.uncertain ?? 0)
  return tried === 0 ? null : sent / tried
}
