import { createHash } from 'node:crypto'

const STYLE =
  ':root{color-scheme:light dark}' +
  'body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:2rem 1rem}' +
  'h1{font-size:1.5rem;line-height:1.3}' +
  'button{display:block;width:100%;margin:.75rem 0;padding:.75rem 1rem;font:inherit;cursor:pointer}' +
  'small{display:block}'

/**
 * Nothing is loaded, no script runs, nobody may frame the page, and its address, which is
 * a key, goes nowhere else.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow',
  'cache-control': 'no-store',
}

export const PAGE_TYPE = 'text/html; charset=utf-8'

/** A page of one column. `body` is HTML, everything else text. */
export function page(language: string, title: string, body: string): string {
  const shown = escapeHtml(title)
  return (
    `<!doctype html>\n<html lang="${language}">\n<head>\n<meta charset="utf-8">\n` +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    `<meta name="robots" content="noindex, nofollow">\n<title>${shown}</title>\n<style>${STYLE}</style>\n</head>\n` +
    `<body>\n<main>\n<h1>${shown}</h1>\n${body}\n</main>\n</body>\n</html>\n`
  )
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (sign) => ESCAPES[sign] ?? sign)
