const MAX_LENGTH = 256

/** A JSON pointer (RFC 6901). Cut where a caller's own key is absurdly long, because it goes into the answer. */
export function pointer(path: readonly (string | number)[]): string {
  return cut(path.map((key) => `/${escapeKey(String(key))}`).join(''))
}

const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

const cut = (text: string): string => (text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`)
