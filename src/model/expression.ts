import jmespath from 'jmespath'

declare module 'jmespath' {
  /** Parses without evaluating. Throws what is wrong with the text. */
  export function compile(expression: string): unknown
}

/** What an expression gives for a document; null also for what is not there. Throws where a function gets what it cannot take. */
export type Expression = (document: unknown) => unknown

/**
 * Compiles a JMESPath expression (jmespath.org/specification.html), once.
 * @throws Error with what is wrong with it, functions that there are not and their number of arguments included
 */
export function compileExpression(text: string): Expression {
  const tree = jmespath.compile(text)
  for (const call of callsIn(tree)) checkCall(call)
  const path = pathOf(tree)
  if (path !== null) return (document) => follow(document, path)
  return (document) => {
    const result: unknown = jmespath.search(document, text)
    return typeof result === 'function' ? null : (result ?? null)
  }
}

/** What counts as no in a condition: null, false, and an empty text, list or object. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

interface Node {
  readonly type: unknown
  readonly name?: unknown
  readonly children?: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/** The names of a plain path such as `data.user.id`: most expressions, and the library would parse each every time. */
function pathOf(tree: unknown): readonly string[] | null {
  if (!isNode(tree)) return null
  if (tree.type === 'Field') return typeof tree.name === 'string' ? [tree.name] : null
  if (tree.type !== 'Subexpression' || !Array.isArray(tree.children)) return null
  const paths = tree.children.map(pathOf)
  return paths.every((path) => path !== null) ? paths.flat() : null
}

function follow(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    // Only what the document itself says: every object has a `constructor`.
    if (!Object.hasOwn(value, name)) return null
    value = Reflect.get(value, name)
  }
  return value ?? null
}

interface Call {
  readonly name: string
  readonly arity: number
}

function callsIn(value: unknown): readonly Call[] {
  // The library takes `data.` and `data.(id)`, and leaves a hole where the name should be.
  if (value === undefined) throw new Error('something is missing in it')
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(callsIn)
  if (!isNode(value) || value.type !== 'Function' || typeof value.name !== 'string') return inner
  return [{ name: value.name, arity: Array.isArray(value.children) ? value.children.length : 0 }, ...inner]
}

/** The library looks at functions only when they are called. */
function checkCall({ name, arity }: Call): void {
  try {
    jmespath.search(null, `${name}(${Array(arity).fill('@').join(', ')})`)
  } catch (error) {
    // That null is of the wrong type says that the function is there.
    if (error instanceof Error && !error.message.startsWith('TypeError')) throw error
  }
}
