import type { SweepTurns } from '../sweeper.js'

/** Where the queue is nobody else's. */
export const ALWAYS_OURS: SweepTurns = { take: async () => true }
