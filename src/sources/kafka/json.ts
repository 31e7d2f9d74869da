import { isUtf8 } from 'node:buffer'
import { Unreadable } from './unreadable.js'

/** Keys that some program could take for the prototype, also with letters escaped. What has them is looked at closely. */
const SUSPICIOUS = /__proto__|constructor|\\u00[567]/
const BYTE_ORDER_MARK = '\ufeff'

/**
 * Reads JSON by the rules for the bodies of requests.
 * @param what it is, for the message
 * @throws Unreadable that quotes nothing of it
 */
export function readJson(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) throw new Unreadable(`${what} is not UTF-8`)
  const text = bytes.toString()
  const value = parsed(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, what)
  if (SUSPICIOUS.test(text) && namesPrototype(value)) {
    throw new Unreadable(`${what} has a key __proto__, or constructor with prototype in it`)
  }
  return value
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Its message quotes the text.
    throw new Unreadable(`${what} is not JSON`)
  }
}

/** Level by level: the nesting may be as deep as the text is long. */
function namesPrototype(value: unknown): boolean {
  let level = [value]
  while (level.length > 0) {
    const next: unknown[] = []
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue
      if (Object.hasOwn(each, '__proto__')) return true
      for (const [key, inner] of Object.entries(each)) {
        if (typeof inner !== 'object' || inner === null) continue
        if (key === 'constructor' && Object.hasOwn(inner, 'prototype')) return true
        next.push(inner)
      }
    }
    level = next
  }
  return false
}
