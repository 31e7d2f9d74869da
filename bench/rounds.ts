import type { Figure, Round } from './measure.js'

export interface Alternated {
  readonly ours: readonly Round[]
  readonly beside: readonly Round[]
}

/** A B A B …: what disturbs the machine for a while disturbs both. */
export async function alternate(
  rounds: number,
  ours: () => Promise<Round>,
  beside: () => Promise<Round>,
): Promise<Alternated> {
  const found: { ours: Round[]; beside: Round[] } = { ours: [], beside: [] }
  for (let round = 0; round < rounds; round += 1) {
    found.ours.push(await ours())
    found.beside.push(await beside())
  }
  return found
}

export async function repeat(rounds: number, ours: () => Promise<Round>): Promise<readonly Round[]> {
  const found: Round[] = []
  for (let round = 0; round < rounds; round += 1) found.push(await ours())
  return found
}

/** The values of one key over the rounds. */
export function valuesOf(key: string, rounds: readonly Round[]): readonly number[] {
  return rounds.map((round) => {
    const value = round[key]
    if (value === undefined) throw new Error(`a round did not measure ${key}`)
    return value
  })
}

export function figure(
  name: string,
  key: string,
  { unit, better }: { readonly unit: string; readonly better: Figure['better'] },
  { ours, beside }: { readonly ours: readonly Round[]; readonly beside?: readonly Round[] },
  { what = 'ceiling', reach = {} }: { readonly what?: string; readonly reach?: Figure['reach'] } = {},
): Figure {
  return {
    name,
    unit,
    better,
    ours: valuesOf(key, ours),
    beside: beside === undefined ? null : { what, values: valuesOf(key, beside) },
    reach,
  }
}

export const RATE = { unit: '/s', better: 'higher' } as const
export const MILLISECONDS = { unit: 'ms', better: 'lower' } as const
