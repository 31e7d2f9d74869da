import type { Priority } from './notification.js'

/** The number that the `priority` column holds. */
export const PRIORITY_VALUE: Record<Priority, number> = { low: 0, medium: 5, high: 8, critical: 10 }

/**
 * How far back in a lane one notification puts the next of the same tenant and priority. The priorities stand to
 * each other as the times that they may wait: one minute, five, thirty. Critical ones have a lane of their own.
 */
export const STEP: Record<Priority, number> = { critical: 1, high: 1, medium: 5, low: 30 }

export function priorityOf(value: number): Priority {
  if (value >= 10) return 'critical'
  if (value >= 8) return 'high'
  if (value >= 5) return 'medium'
  return 'low'
}
