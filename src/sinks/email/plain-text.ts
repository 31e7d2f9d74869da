import { decodeEntities } from './markup.js'

/** Elements whose content is not for reading. */
const HIDDEN = new Set(['script', 'style', 'head', 'title', 'template', 'noscript'])
/** How many line ends stand between an element and its surroundings. */
const GAPS: ReadonlyMap<string, number> = new Map([
  ...['div', 'tr', 'li'].map((name) => [name, 1] as const),
  ...['p', 'ul', 'ol', 'table', 'section', 'blockquote', 'pre', 'hr'].map((name) => [name, 2] as const),
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, 2] as const),
])
const HREF = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i
const FOLLOWABLE = /^(?:https?|mailto|tel):/i

/**
 * The text alternative of an HTML part, for reading, not for security: what a tag is
 * need only be roughly right. One pass with `indexOf`, so the time is linear in the
 * length whatever a sender writes; a `>` inside an attribute ends its tag early.
 */
export function plainText(html: string): string {
  const out: string[] = []
  let gap = 0
  let link: { readonly url: string; readonly from: number } | null = null
  const write = (text: string): void => {
    if (text === '' || (gap > 0 && text.trim() === '')) return
    if (gap > 0) out.push(gap > 1 ? '\n\n' : '\n')
    out.push(text)
    gap = 0
  }
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    write(decodeEntities(html.slice(at, open < 0 ? html.length : open).replace(/\s+/g, ' ')))
    if (open < 0) break
    if (html.startsWith('<!--', open)) {
      at = after(html, '-->', open + 4)
      continue
    }
    if (!/[a-z/!?]/i.test(html.charAt(open + 1))) {
      write('<')
      at = open + 1
      continue
    }
    at = after(html, '>', open)
    const tag = html.slice(open + 1, at)
    const name = /^\/?([a-z][a-z0-9]*)/i.exec(tag)?.[1]?.toLowerCase()
    if (name === undefined) continue
    const closing = tag.startsWith('/')
    if (HIDDEN.has(name) && !closing) at = pastElement(html, name, at)
    gap = name === 'br' ? gap + 1 : Math.max(gap, GAPS.get(name) ?? 0)
    if (name === 'li' && !closing) write('- ')
    if (name === 'td' || name === 'th') write(' ')
    if (name !== 'a') continue
    if (link !== null) write(reference(link.url, out.slice(link.from).join('')))
    const url = closing ? '' : address(tag)
    link = FOLLOWABLE.test(url) ? { url, from: out.length } : null
  }
  return tidy(out.join(''))
}

/** Past the next `mark`, or the end: what is never closed reaches to the end. */
function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from)
  return found < 0 ? html.length : found + mark.length
}

function pastElement(html: string, name: string, from: number): number {
  const end = new RegExp(`</${name}`, 'gi')
  end.lastIndex = from
  const found = end.exec(html)
  return found === null ? html.length : after(html, '>', found.index)
}

function address(tag: string): string {
  const [, double, single, bare] = HREF.exec(tag) ?? []
  return decodeEntities(double ?? single ?? bare ?? '').trim()
}

const reference = (url: string, shown: string): string =>
  shown.trim() === url || `mailto:${shown.trim()}` === url ? '' : ` (${url})`

const tidy = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, ' ').trim())
    .join('\n')
    .trim()
