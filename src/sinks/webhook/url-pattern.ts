/** One entry of the allowlist, such as `https://*.example.com/hooks/*`. */
export interface UrlPattern {
  readonly protocol: string
  /** Without the leading `*.`; null is any host. */
  readonly hostname: string | null
  readonly subdomains: boolean
  /** Null is any port; empty is the protocol's own. */
  readonly port: string | null
  /** What stands between the stars; null is any path. */
  readonly path: readonly string[] | null
}

const FORM = /^(https?):\/\/(\*\.)?(\*|\[[^\]]+\]|[^*/?#@:\s]+)(?::(\d+|\*))?(\/[^?#\s]*)?$/
/** A separator that only the receiver would decode, behind the back of the pattern. */
const HIDDEN_SEPARATOR = /%2f|%5c/i

/**
 * Reads a pattern: protocol, host and port are compared as a whole, `*.` in front of the host stands
 * for one or more labels, `*` in the path for anything; without a path every path matches.
 * Throws an `Error` that quotes a pattern it cannot read.
 */
export function parseUrlPattern(text: string): UrlPattern {
  const [, scheme = '', star, host = '', port, path] = FORM.exec(text) ?? []
  if (scheme === '' || (star !== undefined && host === '*')) {
    throw new Error(`not a URL pattern, such as https://*.example.com/hooks/*: ${text}`)
  }
  const plain = new URL(
    `${scheme}://${host === '*' ? 'any' : host}:${port === '*' ? '' : (port ?? '')}${path ?? ''}`,
  )
  return {
    protocol: plain.protocol,
    hostname: host === '*' ? null : withoutDot(plain.hostname),
    subdomains: star !== undefined,
    port: port === '*' ? null : plain.port,
    path: path === undefined ? null : plain.pathname.split('*'),
  }
}

/** Whether the pattern covers the URL; the query does not matter. */
export function matchesUrlPattern(pattern: UrlPattern, url: URL): boolean {
  return (
    url.protocol === pattern.protocol &&
    (pattern.port === null || url.port === pattern.port) &&
    matchesHost(pattern, withoutDot(url.hostname)) &&
    (pattern.path === null ||
      (!HIDDEN_SEPARATOR.test(url.pathname) && matchesPath(pattern.path, url.pathname)))
  )
}

function matchesHost({ hostname, subdomains }: UrlPattern, actual: string): boolean {
  if (hostname === null) return true
  return subdomains ? actual.endsWith(`.${hostname}`) : actual === hostname
}

/** Looks for the pieces in order, the first at the start and the last at the end; in linear time. */
function matchesPath(pieces: readonly string[], path: string): boolean {
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return path === first
  if (!path.startsWith(first) || !path.endsWith(last)) return false
  let from = first.length
  for (const piece of pieces.slice(1, -1)) {
    const at = path.indexOf(piece, from)
    if (at === -1) return false
    from = at + piece.length
  }
  return from + last.length <= path.length
}

/** `example.com.` is `example.com`, written out in full. */
const withoutDot = (hostname: string): string => hostname.replace(/\.$/, '')
