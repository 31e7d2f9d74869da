import type { Stand } from './stand/stand.js'

/** What one round found, by the name of the figure. */
export type Round = Readonly<Record<string, number>>

/** One line of the table. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** One value a round. */
  readonly ours: readonly number[]
  /** What stands beside ours, in the same rounds; null: nothing does. */
  readonly beside: { readonly what: string; readonly values: readonly number[] } | null
  /** What DESIGN.md §8 wants: in the unit, and as a share of the ceiling. */
  readonly reach: { readonly value?: number; readonly share?: number }
}

export interface Pace {
  readonly rounds: number
  /** How long a round lasts where time is what bounds it. */
  readonly seconds: number
}

export interface Measure {
  /** What `make bench ONLY=` calls it. */
  readonly name: string
  run(stand: Stand, pace: Pace): Promise<readonly Figure[]>
}
