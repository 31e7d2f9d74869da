export const LOCALE_EXPECTED = 'must be a BCP 47 language tag, such as zh or en-GB'

/** In its canonical spelling; undefined where there is none, null where it is not a language tag. */
export function readLocale(text: string | undefined): string | null | undefined {
  if (text === undefined) return undefined
  try {
    return Intl.getCanonicalLocales(text)[0] ?? null
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
