/** A message as a mail program would show it. */
export interface ReadMail {
  /** In order, unfolded, encoded words decoded; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  header(name: string): string | undefined
  /** The decoded parts of a multipart, by media type. */
  readonly parts: ReadonlyMap<string, string>
}

/** Reads an RFC 5322 message of one level of multipart: enough for what this service sends. */
export function readMail(raw: string): ReadMail {
  const { headers, body } = split(raw)
  const header = (name: string): string | undefined => headers.find(([key]) => key === name)?.[1]
  const boundary = /boundary="([^"]+)"/.exec(header('content-type') ?? '')?.[1]
  const parts = new Map<string, string>()
  for (const part of boundary === undefined ? [] : body.split(`--${boundary}`).slice(1, -1)) {
    const inner = split(part.replace(/^\r\n/, ''))
    const field = (name: string): string => inner.headers.find(([key]) => key === name)?.[1] ?? ''
    const type = field('content-type').split(';', 1)[0] ?? ''
    parts.set(type, decodeBody(inner.body.replace(/\r\n$/, ''), field('content-transfer-encoding')))
  }
  return { headers, header, parts }
}

function split(raw: string): { headers: (readonly [string, string])[]; body: string } {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), decodeWords(line.slice(colon + 1).trim())] as const
  })
  return { headers, body: raw.slice(end + 4) }
}

/** RFC 2047. */
function decodeWords(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/(?:=\?utf-8\?[qb]\?[^?]*\?=)+/gi, (words) =>
      Buffer.concat(
        [...words.matchAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi)].map(([, encoding, text = '']) =>
          encoding?.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : quoted(text.replace(/_/g, ' ')),
        ),
      ).toString('utf8'),
    )
}

function decodeBody(body: string, encoding: string): string {
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? quoted(body.replace(/=\r\n/g, ''))
        : Buffer.from(body)
  return bytes.toString('utf8').replace(/\r\n/g, '\n')
}

const quoted = (text: string): Buffer =>
  Buffer.from(
    text.replace(/=([\dA-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
