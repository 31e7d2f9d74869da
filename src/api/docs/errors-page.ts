import type { Api } from '../http/api.js'
import { type CatalogueEntry, ERROR_CATALOGUE } from './error-catalogue.js'

const INTRODUCTION =
  'Every answer that is not a success is a problem document (RFC 9457, `application/problem+json`): ' +
  '`type`, `title`, `status`, `detail`, and a `code` that never changes. `errors` names the fields that are ' +
  'wrong, by JSON pointer. Over gRPC the same codes stand in the status details.'

/** The catalogue for the repository: `docs/errors.md`. */
export function errorsMarkdown(): string {
  const sections = ERROR_CATALOGUE.map(
    (entry) => `## ${entry.code}\n\n${entry.title}. ${meaning(entry)}\n\n${entry.advice}\n`,
  )
  return `# Errors\n\n${INTRODUCTION}\n\n${sections.join('\n')}`
}

/** Serves what the `type` of a problem points to: `/docs/errors#code`. */
export function documentErrors(api: Api): void {
  const page = errorsHtml()
  api.get('/docs/errors', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header(
        'content-security-policy',
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      )
      .send(page),
  )
}

function errorsHtml(): string {
  const sections = ERROR_CATALOGUE.map(
    (entry) =>
      `<h2 id="${entry.code}">${entry.code}</h2>` +
      `<p>${html(entry.title)}. ${html(meaning(entry))}</p><p>${html(entry.advice)}</p>`,
  )
  const style =
    'body{font:16px/1.5 system-ui;max-width:45em;margin:2em auto;padding:0 1em}:target{background:#ff9}'
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Errors</title><style>${style}</style>` +
    `<h1>Errors</h1><p>${html(INTRODUCTION)}</p>${sections.join('')}</html>`
  )
}

const meaning = ({ status, grpc, retry }: CatalogueEntry): string =>
  `HTTP ${status}, gRPC ${grpc}. ${retry ? 'The same request may succeed later.' : 'The same request will fail again.'}`

const html = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]*)`/g, '<code>$1</code>')
