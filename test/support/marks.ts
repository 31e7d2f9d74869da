import type { Test } from 'tap'
import { EVENTS } from '../../src/telemetry/events.js'
import type { Daemon } from './daemon.js'

/** Stands in every title, content and address that the tests send. */
export const MARK = 'zq7private'

/** Every JWT begins with the encoding of `{"`. */
const PRIVATE = [MARK, 'eyJ', 'Bearer ']

/** What holds for the log of every daemon, whatever was done to it. */
export function checkLog(t: Test, ...daemons: readonly Daemon[]): void {
  const raw = daemons.flatMap(({ rawLines }) => rawLines)
  const lines = daemons.flatMap((daemon) => daemon.lines)
  t.not(raw.length, 0, 'something was logged')
  t.same(
    raw.filter((line) => PRIVATE.some((text) => line.includes(text))),
    [],
    'no titles, contents, addresses, tokens',
  )
  t.same(
    lines.filter(({ event }) => !Object.hasOwn(EVENTS, event)),
    [],
    'only events of the catalogue',
  )
}
