import type { Priority } from './notification.js'

/** The number that the `priority` column holds. */
export const PRIORITY_VALUE: Record<Priority, number> = { low: 0, medium: 5, high: 8, critical: 10 }

/** How long a notification may wait behind others, in milliseconds: its place in the lane is its deadline. */
const ALLOWANCE_MS: Record<Priority, number> = {
  critical: 1_000,
  high: 60_000,
  medium: 300_000,
  low: 1_800_000,
}

/** The place in a ready lane: the lowest goes first. Within a priority, first in, first out. */
export function deadline(priority: Priority, since: number): number {
  return since + ALLOWANCE_MS[priority]
}

export function priorityOf(value: number): Priority {
  if (value >= 10) return 'critical'
  if (value >= 8) return 'high'
  if (value >= 5) return 'medium'
  return 'low'
}
