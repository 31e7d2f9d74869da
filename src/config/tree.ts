/** What a YAML file holds. */
export type Tree = string | number | boolean | null | readonly Tree[] | Branch

export interface Branch {
  readonly [key: string]: Tree
}

export function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What `above` says goes; what it does not mention stays. Lists are replaced, an empty section changes nothing. */
export function layer(below: Branch, above: Branch): Branch {
  const merged = new Map(Object.entries(below))
  for (const [key, value] of Object.entries(above)) {
    const lower = merged.get(key)
    if (!isBranch(lower)) merged.set(key, value)
    else if (value !== null) merged.set(key, isBranch(value) ? layer(lower, value) : value)
  }
  return Object.fromEntries(merged)
}

/** A copy in which keys that have no value (`key:`, `key: ''`) are not there. */
export function withoutBlanks(branch: Branch): Branch {
  const kept = Object.entries(branch).filter(([, value]) => value !== null && value !== '')
  return Object.fromEntries(kept.map(([key, value]) => [key, isBranch(value) ? withoutBlanks(value) : value]))
}
