const MINUTE_MS = 60_000

/** Places are numbered from the epoch, `perMinute` to a minute. The first of the minute that runs. */
export const currentPlace = (now: number, perMinute: number): number =>
  Math.floor(now / MINUTE_MS) * perMinute

/** When a place may go, in epoch milliseconds; those of the minute that runs need not wait. */
export function timeOfPlace(place: number, perMinute: number, now: number): number {
  return Math.floor(place / perMinute) <= Math.floor(now / MINUTE_MS)
    ? now
    : Math.ceil((place * MINUTE_MS) / perMinute)
}
