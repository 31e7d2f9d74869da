/**
 * What lets a mail program offer to unsubscribe (RFC 2369 §3.2), and do so with one request of its own
 * (RFC 8058 §3.1). Programs heed the second header for https links only, in mail that is signed with DKIM.
 */
export function unsubscribeHeaders(link: string | null): Readonly<Record<string, string>> {
  if (link === null) return {}
  return { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
}
