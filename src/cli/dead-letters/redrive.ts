import { SingleBar } from 'cli-progress'
import type { Static } from 'typebox'
import type { RedriveRoundAnswer } from '../../api/schemas/dead-letters.js'
import type { Service } from '../service.js'
import type { Filter } from './filter.js'

const MOST_AT_ONCE = 500

type Round = Static<typeof RedriveRoundAnswer>

/** Asks the service round by round until everything that fits was looked at. Refusals end the process with 1. */
export async function redriveRounds(
  service: Service,
  filter: Filter,
  { limit, json }: { readonly limit: number | null; readonly json: boolean },
): Promise<void> {
  const refused: Record<string, number> = {}
  const progress = process.stderr.isTTY ? barOf() : linesOf()
  let redriven = 0
  let next: { readonly until?: string; readonly cursor?: string } | null = {}
  try {
    while (next !== null) {
      const done = redriven + sum(refused)
      const most = limit === null ? MOST_AT_ONCE : Math.min(MOST_AT_ONCE, limit - done)
      if (most < 1) break
      const text = await service.callPatiently('POST', '/api/v1/dead_letters/redrive', {
        ...filter,
        ...next,
        limit: most,
      })
      const round: Round = JSON.parse(text)
      redriven += round.redriven
      for (const [code, count] of Object.entries(round.refused)) refused[code] = (refused[code] ?? 0) + count
      next = round.next_cursor === null ? null : { until: round.until, cursor: round.next_cursor }
      progress.show({ redriven, refused: sum(refused), remaining: round.remaining })
    }
  } finally {
    progress.stop()
  }
  process.stdout.write(`${json ? JSON.stringify({ redriven, refused }) : summaryOf(redriven, refused)}\n`)
  if (sum(refused) > 0) process.exitCode = 1
}

interface Standing {
  readonly redriven: number
  readonly refused: number
  readonly remaining: number
}

interface Progress {
  show(standing: Standing): void
  stop(): void
}

function barOf(): Progress {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} | {redriven} redriven, {refused} refused',
    stream: process.stderr,
    hideCursor: true,
  })
  return {
    show: ({ redriven, refused, remaining }) => {
      const done = redriven + refused
      if (!bar.isActive) bar.start(done + remaining, 0, { redriven, refused })
      bar.setTotal(done + remaining)
      bar.update(done, { redriven, refused })
    },
    stop: () => bar.stop(),
  }
}

const linesOf = (): Progress => ({
  show: ({ redriven, refused, remaining }) => {
    process.stderr.write(`${redriven} redriven, ${refused} refused, ${remaining} remaining\n`)
  },
  stop: () => undefined,
})

function summaryOf(redriven: number, refused: Readonly<Record<string, number>>): string {
  const codes = Object.entries(refused).map(([code, count]) => `${code}: ${count}`)
  return `${redriven} redriven, ${sum(refused)} refused${codes.length === 0 ? '' : ` (${codes.join(', ')})`}`
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)
