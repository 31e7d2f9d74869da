import { cpus, release } from 'node:os'
import type { Figure, Pace } from './measure.js'
import { MEASURES } from './measures/index.js'
import { Stand } from './stand/stand.js'
import { table } from './table.js'

const FULL: Pace = { rounds: 3, seconds: 4 }
/** To see that everything runs; its figures mean nothing. */
const QUICK: Pace = { rounds: 1, seconds: 1 }

const words = process.argv.slice(2)
const names = words.filter((word) => !word.startsWith('--'))
const unknown = names.filter((name) => !MEASURES.some((measure) => measure.name === name))
if (unknown.length > 0) {
  console.error(
    `There is no measure ${unknown.join(', ')}; there are ${MEASURES.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}
const pace = words.includes('--quick') ? QUICK : FULL
const chosen = names.length === 0 ? MEASURES : MEASURES.filter(({ name }) => names.includes(name))

const stand = await Stand.open()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stand.close().finally(() => process.exit(1)))
}
const figures: Figure[] = []
let failed = false
for (const measure of chosen) {
  const began = performance.now()
  try {
    figures.push(...(await measure.run(stand, pace)))
  } catch (error) {
    failed = true
    console.error(`${measure.name} failed:`, error)
  }
  await stand.clear()
  console.error(`${measure.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`)
}
await stand.close()
const [cpu] = cpus()
console.log(
  `\nNode ${process.version}, Linux ${release()}, ${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}\n`,
)
console.log(table(figures))
process.exit(failed ? 1 : 0)
