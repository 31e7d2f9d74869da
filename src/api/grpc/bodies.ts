import { pointer } from '../http/pointer.js'
import { validationFailed } from '../http/validation.js'
import { jsonOf } from './struct.js'

type Path = readonly (string | number)[]
type Read = (value: unknown, path: Path) => unknown

/** The first and the last millisecond of what `google.protobuf.Timestamp` may stand for. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** How the fields whose type is not plain are read; the names are the same in every message. */
const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['channel', word('CHANNEL_')],
  ['priority', word('PRIORITY_')],
  ['variables', jsonOf],
  ['metadata', jsonOf],
  ['scheduled_at', time],
  ['expires_at', time],
  ['content', (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value)],
  ['attachments', each],
  ['recipients', each],
])

/**
 * The body that says over HTTP what a message says. It is validated like one that came by HTTP, so
 * nothing is judged here but what JSON could not say at all.
 * @throws Failure `validation_failed` or `malformed_body`
 */
export function bodyOf(message: object, path: Path = []): Readonly<Record<string, unknown>> {
  const body: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(message)) {
    const read = READERS.get(name)
    const found = read === undefined ? value : read(value, [...path, name])
    if (found !== undefined) body[name] = found
  }
  return body
}

/** `CHANNEL_IN_APP` is `in_app`. What is not specified is not there; a number that has no name is a word that there is not. */
function word(prefix: string): Read {
  return (value) => {
    if (typeof value !== 'string') return String(value)
    const name = value.slice(prefix.length).toLowerCase()
    return name === 'unspecified' ? undefined : name
  }
}

function each(values: unknown, path: Path): unknown {
  if (!Array.isArray(values)) return values
  return values.map((value: unknown, index) =>
    typeof value === 'object' && value !== null ? bodyOf(value, [...path, index]) : value,
  )
}

function time(value: unknown, path: Path): unknown {
  const { seconds, nanos } = timestamp(value)
  const ms = seconds * 1_000 + Math.floor(nanos / 1_000_000)
  if (ms >= FIRST_MS && ms <= LAST_MS && nanos >= 0 && nanos < 1_000_000_000)
    return new Date(ms).toISOString()
  const message = 'must be a time from year 1 to 9999, with 0 to 999999999 nanos'
  throw validationFailed([{ field: pointer(path), message }])
}

function timestamp(value: unknown): { readonly seconds: number; readonly nanos: number } {
  const of = (name: string): number => {
    const part: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : 0
    return typeof part === 'number' ? part : 0
  }
  return { seconds: of('seconds'), nanos: of('nanos') }
}
