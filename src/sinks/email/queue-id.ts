const MAX_LENGTH = 100

/**
 * How servers name a message that they took. Only these known forms are read: the free
 * text of a reply may repeat the recipient's address.
 */
const FORMS = [
  // Postfix, SendGrid, Haraka
  /\bqueued as ([\w.+=/-]+)/i,
  // Exim
  /\bid=([\w.+=/-]+)/i,
  // Gmail
  /\s([\w.+=/-]+) - gsmtp$/,
  // Microsoft 365
  /^250 2\.0\.0 OK <([^<>\s@]+)@/i,
  // Amazon SES
  /^250 Ok ([\da-f-]{16,})$/i,
]

/** The server's own id in its final 250 reply, for support cases; null when it gives none. */
export function queueId(response: string): string | null {
  const reply = response.slice(0, 1_000).trim()
  for (const form of FORMS) {
    const id = form.exec(reply)?.[1]
    if (id !== undefined) return id.slice(0, MAX_LENGTH)
  }
  return null
}
