import { Type } from 'typebox'

const NO_CONTROLS = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
/** Also the two that end a line in Unicode: a title becomes a mail header. */
const ONE_LINE = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$'
const ID = '^[A-Za-z0-9_-]{1,64}$'
const TYPE_NAME = '^[a-z0-9_.-]{1,64}$'
const CURSOR = '^[A-Za-z0-9_.=-]*$'
/** Visible ASCII. */
export const IDEMPOTENCY_KEY = '^[!-~]{1,255}$'
const WINDOW = '^[1-9][0-9]{0,3}[mh]$'
const SPAN = '^[1-9][0-9]{0,3}[mhd]$'
const TIME_OF_DAY = '^([01][0-9]|2[0-3]):[0-5][0-9]$'

/** What each pattern asks for, in words. */
export const PATTERN_MESSAGES: ReadonlyMap<string, string> = new Map([
  [NO_CONTROLS, 'must not hold control characters'],
  [ONE_LINE, 'must be one line without control characters'],
  [ID, 'must be 1 to 64 of A-Z, a-z, 0-9, "_" and "-"'],
  [TYPE_NAME, 'must be 1 to 64 of a-z, 0-9, "_", "." and "-"'],
  [CURSOR, 'must be the next_cursor of an earlier page'],
  [IDEMPOTENCY_KEY, 'must be 1 to 255 visible ASCII characters'],
  [WINDOW, 'must be minutes or hours, such as 30m or 24h'],
  [SPAN, 'must be minutes, hours or days, such as 30m, 24h or 7d'],
  [TIME_OF_DAY, 'must be a time of day such as 22:00'],
])

interface Note {
  readonly description?: string
  readonly examples?: readonly string[]
}

/** The name of a tenant, a user, a template: opaque to us, safe in logs and keys. */
export const Name = (note: Note = {}) =>
  Type.String({ minLength: 1, maxLength: 64, pattern: NO_CONTROLS, ...note })

/** What can stand in a path as it is. */
export const Id = (note: Note = {}) => Type.String({ pattern: ID, ...note })

/** Free text for people to read. */
export const Line = (maxLength: number, note: Note = {}) =>
  Type.String({ minLength: 1, maxLength, pattern: ONE_LINE, ...note })

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

export const TypeName = Type.String({
  pattern: TYPE_NAME,
  description: 'A notification type.',
  examples: ['marketing.newsletter'],
})

export const NotificationType = Type.String({
  pattern: TYPE_NAME,
  default: 'activity',
  description: 'What the message is about, as recipients subscribe to it.',
  examples: ['billing'],
})

export const Cursor = Type.String({ minLength: 1, maxLength: 256, pattern: CURSOR })

/** As long as the longest key. */
export const KeyCursor = Type.String({ minLength: 1, maxLength: 6_000, pattern: CURSOR })

/** 24 hours, such as `22:00`. */
export const TimeOfDay = Type.String({ pattern: TIME_OF_DAY, examples: ['22:00'] })

/** Minutes or hours, such as `30m`. */
export const WindowUpTo = (longest: string, usual: string) =>
  Type.String({ pattern: WINDOW, default: usual, description: `At most ${longest}.` })

export const Window = WindowUpTo('24h', '1h')

/** Minutes, hours or days, such as `30m`. */
export const Span = (description: string) => Type.String({ pattern: SPAN, description, examples: ['30m'] })

export const Time = (description: string) =>
  Type.String({ format: 'date-time', maxLength: 64, description, examples: ['2027-01-27T15:00:00Z'] })

/** A language tag (BCP 47). */
export const Locale = Type.String({
  minLength: 2,
  maxLength: 35,
  description: 'Language of the texts, BCP 47; goes before the one of the recipient.',
  examples: ['zh', 'en-GB'],
})
