/** Who holds less than this share of a full room may still add to it, up to as much again for all of them. */
const RESERVE = 0.1

/**
 * Whether there is room for one more of somebody's in what is shared by all. When it is full, those who have
 * filled it are refused and the others go on for a while.
 */
export function hasRoom(all: number, own: number, limit: number): boolean {
  return all < limit || (own < limit * RESERVE && all < limit * (1 + RESERVE))
}
