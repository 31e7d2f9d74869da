import type { Problem } from './problem.js'
import { type Branch, isBranch, type Tree } from './tree.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Interpolated {
  readonly tree: Branch
  /** The variables that each key refers to, for messages. */
  readonly variables: ReadonlyMap<string, readonly string[]>
  readonly problems: readonly Problem[]
}

const REFERENCE = /\$\{([^}]*)\}?/g
const INSIDE = /^([A-Za-z_][A-Za-z0-9_]*)(?::(.*))?$/s

/**
 * Replaces `${NAME}` and `${NAME:default}` inside texts. The file is parsed before, so a value
 * cannot change its structure. A variable that is not set, or empty, gives the default, else nothing.
 */
export function interpolate(tree: Branch, env: Environment): Interpolated {
  const variables = new Map<string, string[]>()
  const problems: Problem[] = []

  const text = (value: string, key: string): string =>
    value.replace(REFERENCE, (reference: string, inside: string) => {
      const [, name, fallback = ''] = (reference.endsWith('}') && INSIDE.exec(inside)) || []
      if (name === undefined) {
        problems.push({ key, message: `refers to a variable wrongly; expected \${NAME} or \${NAME:default}` })
        return ''
      }
      variables.set(key, [...(variables.get(key) ?? []), name])
      return (Object.hasOwn(env, name) && env[name]) || fallback
    })

  const visit = (node: Tree, key: string): Tree => {
    if (typeof node === 'string') return text(node, key)
    if (isBranch(node)) return branch(node, `${key}.`)
    return Array.isArray(node) ? node.map((item: Tree, index) => visit(item, `${key}.${index}`)) : node
  }
  const branch = (node: Branch, prefix: string): Branch =>
    Object.fromEntries(Object.entries(node).map(([name, value]) => [name, visit(value, prefix + name)]))

  return { tree: branch(tree, ''), variables, problems }
}
