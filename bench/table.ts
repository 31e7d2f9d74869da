import type { Figure } from './measure.js'

const HEAD = ['figure', 'ours', 'beside it', 'share', 'to reach']

/** A Markdown table: medians, and in brackets the lowest and highest round. */
export function table(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(row)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = HEAD, ...body] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

function row(figure: Figure): readonly string[] {
  const { name, unit, ours, beside } = figure
  const share = shareOf(figure)
  return [
    name,
    spread(ours, unit),
    beside === null ? '' : `${spread(beside.values, unit)} ${beside.what}`,
    share === null ? '' : share.toFixed(2),
    reached(figure, share),
  ]
}

/** 1 is as good as what stands beside it; above is better, also where less is better. */
function shareOf({ better, ours, beside }: Figure): number | null {
  if (beside === null) return null
  const [mine, other] = [median(ours), median(beside.values)]
  return better === 'higher' ? mine / other : other / mine
}

function reached({ better, ours, unit, reach }: Figure, share: number | null): string {
  const value = median(ours)
  const parts: string[] = []
  if (reach.value !== undefined) {
    const met = better === 'higher' ? value >= reach.value : value <= reach.value
    parts.push(`${better === 'higher' ? '≥' : '≤'} ${reach.value} ${unit} ${mark(met)}`)
  }
  if (reach.share !== undefined && share !== null) {
    parts.push(`≥ ${reach.share} ${mark(share >= reach.share)}`)
  }
  return parts.join(', ')
}

const mark = (met: boolean): string => (met ? 'yes' : 'NO')

function spread(values: readonly number[], unit: string): string {
  const range = values.length < 2 ? '' : ` (${short(Math.min(...values))}–${short(Math.max(...values))})`
  return `${short(median(values))} ${unit}${range}`
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Three digits that count. */
function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}
