/** What nobody can change any more. */
export type Frozen<T> =
  T extends ReadonlyMap<unknown, unknown>
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Frozen<T[K]> }
      : T

export function freeze(value: object): void {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner)
  Object.freeze(value)
}
