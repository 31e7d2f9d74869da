import { setTimeout as delay } from 'node:timers/promises'

const LONG = process.env.CHAOS === 'long'

/** `CHAOS=long` takes minutes. */
export const FILE_TIMEOUT_MS = LONG ? 1_800_000 : 240_000
export const KILLS = LONG ? 20 : 2
export const SCHEDULED = LONG ? 10_000 : 500
/** Longer than it takes to notice. */
export const OUTAGE_MS = LONG ? 30_000 : 1_000
/** Who want digests. */
export const READERS = LONG ? 1_000 : 200

/** As a receiver across the network does, so that there is always something in flight. */
export const answerSlowly = async (): Promise<number> => delay(15, 200)
