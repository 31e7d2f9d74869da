/**
 * What an `Accept` or `Accept-Language` header asks for, most wanted first and in lower case;
 * what it refuses (`q=0`) is left out (RFC 9110 §12.4.2).
 */
function wanted(header: string | undefined): readonly string[] {
  return (header ?? '')
    .split(',')
    .map((range) => {
      const [name = '', ...parameters] = range.toLowerCase().split(';')
      const weight = parameters.map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1])
      return { name: name.trim(), weight: Number(weight.find((q) => q !== undefined) ?? 1) }
    })
    .filter(({ name, weight }) => name !== '' && weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ name }) => name)
}

/** Whether a person is looking on: browsers ask for HTML by name, and programs for anything or JSON. */
export const asksForHtml = (accept: string | undefined): boolean => wanted(accept).includes('text/html')

/** The language that is wanted most of those there are; the first one when none is. `zh-CN` finds `zh`. */
export function languageOf<const L extends string>(
  acceptLanguage: string | undefined,
  languages: readonly [L, ...L[]],
): L {
  for (const range of wanted(acceptLanguage)) {
    const found = languages.find((language) => range.split('-', 1)[0] === language)
    if (found !== undefined) return found
  }
  return languages[0]
}
