import { isIP } from 'node:net'
import { isPublicAddress } from '../outbound/public-address.js'
import { matchesUrlPattern, parseUrlPattern, type UrlPattern } from './url-pattern.js'

/** Which URLs may be called. */
export interface WebhookUrlPolicy {
  /** Empty: all URLs. */
  readonly allowlist: readonly UrlPattern[]
  readonly allowPrivate: boolean
}

const MAX_URL_LENGTH = 2048

/** Throws an `Error` that quotes a pattern it cannot read. */
export function webhookUrlPolicy(options: {
  readonly allowlist: readonly string[]
  readonly allowPrivate: boolean
}): WebhookUrlPolicy {
  return { allowlist: options.allowlist.map(parseUrlPattern), allowPrivate: options.allowPrivate }
}

/**
 * What is wrong with a webhook URL, as the end of a sentence (`must be …`); null when nothing is.
 * Names are not resolved: where they lead is checked when connecting.
 */
export function checkWebhookUrl(text: string, policy: WebhookUrlPolicy): string | null {
  const url = readWebhookUrl(text, policy)
  return typeof url === 'string' ? url : null
}

/** The URL, or what is wrong with it. */
export function readWebhookUrl(text: string, policy: WebhookUrlPolicy): URL | string {
  if (text.length > MAX_URL_LENGTH) return `must not be longer than ${MAX_URL_LENGTH} characters`
  const url = /^https?:\/\//i.test(text) ? parseUrl(text) : null
  if (url === null) return 'must be an absolute http or https URL'
  // International names and paths grow.
  if (url.href.length > MAX_URL_LENGTH) return `must not be longer than ${MAX_URL_LENGTH} characters as sent`
  if (url.username !== '' || url.password !== '') return 'must not contain credentials'
  if (url.port === '0') return 'must not name port 0'
  if (!policy.allowPrivate && !mayBePublic(url.hostname)) return 'must lead to a public address'
  if (policy.allowlist.length > 0 && !policy.allowlist.some((pattern) => matchesUrlPattern(pattern, url))) {
    return 'must be on the list of allowed webhook URLs'
  }
  return url
}

export function parseUrl(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

/** The URL parser has already brought octal, hexadecimal, decimal and short IPv4 forms into one. */
function mayBePublic(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$|\.$/g, '')
  if (isIP(name) !== 0) return isPublicAddress(name)
  return name !== 'localhost' && !name.endsWith('.localhost')
}
