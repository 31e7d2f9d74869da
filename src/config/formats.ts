import { IANAZone } from 'luxon'

/** It goes into mail headers, whose lines end at 998 characters (RFC 5322 §2.1.1). */
const LONGEST_BASE = 200

/** Texts of a certain form, and what is said when one has another. */
export const FORMATS = {
  'time-of-day': {
    expected: 'a time of day such as 22:00',
    test: (text: string) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text),
  },
  'time-zone': {
    expected: 'an IANA time zone such as Asia/Shanghai',
    test: (text: string) => IANAZone.isValidZone(text),
  },
  locale: {
    expected: 'a BCP 47 language tag such as en-US',
    test: isLocale,
  },
  currency: {
    expected: 'an ISO 4217 code such as CNY',
    test: (text: string) => Intl.supportedValuesOf('currency').includes(text),
  },
  'postgres-url': {
    expected: 'a URL such as postgres://user:password@host:5432/database',
    test: (text: string) => /^(postgres|postgresql|socket):/.test(text),
  },
  'redis-url': {
    expected: 'a URL such as redis://host:6379 or rediss://host:6379',
    test: (text: string) => hasProtocol(text, ['redis:', 'rediss:']),
  },
  'host-and-port': {
    expected: 'a host and port such as localhost:6379',
    test: (text: string) => /^(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):\d{1,5}$/.test(text),
  },
  'web-url': {
    expected: 'a URL that begins with https:// or http://',
    test: (text: string) => hasProtocol(text, ['https:', 'http:']),
  },
  'base-url': {
    expected: 'a URL such as https://notify.example.com, of at most 200 characters, without a query',
    test: (text: string) => hasProtocol(text, ['https:', 'http:']) && isBase(new URL(text)),
  },
  'web-origin': {
    expected: 'web origins such as https://app.example.com, without a path',
    test: (text: string) => hasProtocol(text, ['https:', 'http:']) && new URL(text).origin === text,
  },
  topic: {
    expected: 'topics such as order.created: 1 to 249 of A-Z, a-z, 0-9, ".", "_" and "-"',
    test: (text: string) => /^[A-Za-z0-9._-]{1,249}$/.test(text),
  },
  'header-pair': {
    expected: 'headers such as authorization=Bearer%20abc, with percent-encoded values',
    test: (text: string) => /^[\w!#$%&'*+.^`|~-]+\s*=/.test(text) && isDecodable(text),
  },
} satisfies Record<string, { readonly expected: string; test(text: string): boolean }>

export type Format = keyof typeof FORMATS

export function formatNamed(name: unknown): (typeof FORMATS)[Format] | undefined {
  return Object.entries(FORMATS).find(([key]) => key === name)?.[1]
}

const isBase = ({ href, username, password, search, hash }: URL): boolean =>
  href.length <= LONGEST_BASE && username + password + search + hash === ''

function hasProtocol(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}
