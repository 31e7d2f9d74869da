/** What others wrote may hold what PostgreSQL cannot store, and a cut may part a surrogate pair. */
export function storable(text: string, length: number): string
export function storable(text: string | null | undefined, length: number): string | null
export function storable(text: string | null | undefined, length: number): string | null {
  return text?.slice(0, length).toWellFormed().replaceAll('\u0000', '') ?? null
}
