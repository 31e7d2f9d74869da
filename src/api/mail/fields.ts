/** Of one header or one group of fields; what comes beyond is not looked at. */
const MAX_FIELDS = 300
/** RFC 5322 §2.2: printable ASCII but no colon. */
const FIELD = /^([!-9;-~]{1,80})[ \t]*:(.*)$/s

/** Fields by name in lower case, the first one of each. */
export type Fields = ReadonlyMap<string, string>

/** Reads header fields, folded or not (RFC 5322 §2.2.3); lines that are none are passed over. */
export function readFields(text: string): Fields {
  const fields = new Map<string, string>()
  const lines = text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/, MAX_FIELDS)
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const key = name.toLowerCase()
    if (!fields.has(key)) fields.set(key, value.trim())
  }
  return fields
}

export interface Entity {
  readonly fields: Fields
  readonly body: string
}

/** Longer headers are not read to their end: no report needs them. */
const MAX_HEADER = 128 * 1_024

/** Splits a message, or a part of one, at the first empty line. */
export function readEntity(text: string): Entity {
  const end = /^\r?\n|\r?\n\r?\n/.exec(text.slice(0, MAX_HEADER))
  if (end === null) return { fields: readFields(text.slice(0, MAX_HEADER)), body: '' }
  return { fields: readFields(text.slice(0, end.index)), body: text.slice(end.index + end[0].length) }
}

/** The media type in lower case, without its parameters; RFC 2045 §5.2: text/plain where nothing is said. */
export const mediaType = ({ fields }: Entity): string =>
  (fields.get('content-type') ?? 'text/plain').split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** RFC 2046 §5.1.1: at most 70 characters. */
const BOUNDARY = /;[ \t]*boundary[ \t]*=[ \t]*(?:"([^"]{1,70})"|([^\s";]{1,70}))/i
/** A report has three parts (RFC 6522 §3); what adds footers adds some. */
const MAX_PARTS = 10

/** The parts of a multipart; null when it names no boundary. */
export function readParts(entity: Entity): readonly Entity[] | null {
  const [, quoted, bare] = BOUNDARY.exec(entity.fields.get('content-type') ?? '') ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) return null
  const text = `\n${entity.body}`
  const mark = `\n--${boundary}`
  const parts: Entity[] = []
  let at = boundaryFrom(0, text, mark)
  while (at >= 0 && parts.length < MAX_PARTS) {
    const start = at + mark.length
    const line = text.indexOf('\n', start)
    if (text.startsWith('--', start) || line < 0) break
    const next = boundaryFrom(start, text, mark)
    // The line end before a boundary belongs to it.
    parts.push(readEntity(next < 0 ? text.slice(line + 1) : text.slice(line + 1, next)))
    at = next
  }
  return parts
}

/** The boundary of a part within may begin like this one. */
function boundaryFrom(from: number, text: string, mark: string): number {
  let at = text.indexOf(mark, from)
  while (
    at >= 0 &&
    !/^(?:--)?[ \t\r]{0,100}(?:\n|$)/.test(text.slice(at + mark.length, at + mark.length + 104))
  ) {
    at = text.indexOf(mark, at + mark.length)
  }
  return at
}
