import { Type } from 'typebox'

const NO_CONTROLS = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
/** Also the two that end a line in Unicode: a title becomes a mail header. */
const ONE_LINE = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$'
const TYPE_NAME = '^[a-z0-9_.-]{1,64}$'
const CURSOR = '^[A-Za-z0-9_.=-]*$'
/** Visible ASCII. */
export const IDEMPOTENCY_KEY = '^[!-~]{1,255}$'
const WINDOW = '^[1-9][0-9]{0,3}[mh]$'

/** What each pattern asks for, in words. */
export const PATTERN_MESSAGES: ReadonlyMap<string, string> = new Map([
  [NO_CONTROLS, 'must not hold control characters'],
  [ONE_LINE, 'must be one line without control characters'],
  [TYPE_NAME, 'must be 1 to 64 of a-z, 0-9, "_", "." and "-"'],
  [CURSOR, 'must be the next_cursor of an earlier page'],
  [IDEMPOTENCY_KEY, 'must be 1 to 255 visible ASCII characters'],
  [WINDOW, 'must be minutes or hours, such as 30m or 24h'],
])

interface Note {
  readonly description?: string
  readonly examples?: readonly string[]
}

/** The name of a tenant, a user, a template: opaque to us, safe in logs and keys. */
export const Name = (note: Note = {}) =>
  Type.String({ minLength: 1, maxLength: 64, pattern: NO_CONTROLS, ...note })

export const TenantId = Name({ description: "The token's tenant.", examples: ['tenant_abc'] })
export const UserId = Name({ description: 'The recipient.', examples: ['user_123'] })

export const Title = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: ONE_LINE,
  description: 'Required without template_id. Rendered as Liquid when variables are given.',
})

export const Content = Type.String({
  minLength: 1,
  maxLength: 100_000,
  description: 'Required without template_id. Rendered as Liquid when variables are given.',
})

export const NotificationType = Type.String({
  pattern: TYPE_NAME,
  default: 'activity',
  description: 'What the message is about, as recipients subscribe to it.',
  examples: ['billing'],
})

export const Cursor = Type.String({ minLength: 1, maxLength: 256, pattern: CURSOR })

/** Minutes or hours, such as `30m`. */
export const Window = Type.String({ pattern: WINDOW, default: '1h', description: 'At most 24h.' })

export const Time = (description: string) =>
  Type.String({ format: 'date-time', maxLength: 64, description, examples: ['2027-01-27T15:00:00Z'] })
