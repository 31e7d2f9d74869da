import { GROUPS, type Group, groupOf, MANDATORY } from '../model/recipient.js'
import type { Problem } from './problem.js'
import type { Settings } from './schema.js'

type Groups = Settings['consent']['groups']

/** The group of each type that is listed. */
export function groupsByType(groups: Groups): ReadonlyMap<string, Group> {
  return new Map(GROUPS.flatMap((group) => (groups[group] ?? []).map((type) => [type, group] as const)))
}

/** Types that are in two groups, and opt-in for what nobody can turn off. */
export function groupProblems({ consent }: Settings): readonly Problem[] {
  const problems: Problem[] = []
  const seen = new Map<string, Group>()
  for (const group of GROUPS) {
    for (const type of consent.groups[group] ?? []) {
      const first = seen.get(type)
      if (first !== undefined) {
        const message = `lists ${type}, which consent.groups.${first} lists as well; a type has one group`
        problems.push({ key: `consent.groups.${group}`, message })
      }
      seen.set(type, group)
    }
  }
  const listed = groupsByType(consent.groups)
  for (const name of consent.opt_in_types ?? []) {
    if (groupOf(name, listed) !== MANDATORY) continue
    const message = `names ${name}, which is of the group ${MANDATORY}: that is sent to everybody`
    problems.push({ key: 'consent.opt_in_types', message })
  }
  return problems
}
