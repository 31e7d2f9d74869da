import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import { ConfigError } from './problem.js'
import { type Branch, isBranch } from './tree.js'

/** Reads a YAML file whose top is a section. An empty file is an empty section. */
export function readYaml(path: string): Branch {
  const lineCounter = new LineCounter()
  const document = parseDocument(textOf(path), { lineCounter, prettyErrors: false, stringKeys: true })
  // Not the library's own frame around the place: it quotes the line, and that may hold a secret.
  const problems = document.errors.map((error) => {
    const { line, col } = lineCounter.linePos(error.pos[0])
    return { key: '', message: `line ${line}, column ${col}: ${error.message}` }
  })
  if (problems.length > 0) throw new ConfigError(path, problems)
  const top: unknown = document.toJS() ?? {}
  if (isBranch(top)) return top
  throw new ConfigError(path, [{ key: '', message: 'must be a section with keys' }])
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(path, [{ key: '', message: 'cannot be read' }], { cause })
  }
}
