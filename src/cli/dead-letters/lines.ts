import type { DeadLetterAnswer } from '../../api/schemas/dead-letters.js'

/** One line for people to read: when, which, why, where. */
export function lineOf(letter: DeadLetterAnswer): string {
  const where =
    letter.kind === 'event'
      ? [`${letter.topic}/${letter.partition}@${letter.offset}`, letter.event_type]
      : [letter.channel, letter.user_id]
  const columns = [letter.dead_since, letter.id, letter.status, letter.reason, ...where, letter.detail]
  return columns.map((column) => (column ?? '-').replaceAll('\n', ' ')).join('  ')
}

/** What others wrote could steer the terminal: every control character but the end of a line becomes visible. */
export const harmless = (text: string): string =>
  text.replaceAll(
    /[^\P{Cc}\n]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
