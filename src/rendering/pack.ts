import type { Job } from './job.js'
import type { Pace } from './work.js'

/** Jobs that go to a thread together. */
export interface Pack {
  readonly jobs: readonly Job[]
  write(pace: Pace): string
}

/** Small enough that others get their turn, large enough that the way there and back costs little. */
const MAX_JOBS = 250
/** Characters. A thread holds a pack several times over while it reads it. */
const MAX_SIZE = 2_000_000

/** Divides jobs into packs, and writes them in the form of `Work`. */
export function pack(jobs: readonly Job[]): readonly Pack[] {
  const packs: Pack[] = []
  let box = new Box()
  for (const job of jobs) {
    if (box.isFull()) {
      packs.push(box)
      box = new Box()
    }
    box.add(job)
  }
  if (box.jobs.length > 0) packs.push(box)
  return packs
}

class Box implements Pack {
  readonly jobs: Job[] = []
  readonly #strings = new Map<string, number>()
  readonly #tenants = new Map<string, number>()
  readonly #tasks: string[] = []
  #size = 0

  isFull(): boolean {
    return this.jobs.length >= MAX_JOBS || this.#size >= MAX_SIZE
  }

  add(job: Job): void {
    this.jobs.push(job)
    const task = this.#task(job)
    this.#tasks.push(task)
    this.#size += task.length
  }

  write(pace: Pace): string {
    const strings = JSON.stringify([...this.#strings.keys()])
    return `{"pace":${JSON.stringify(pace)},"strings":${strings},"tasks":[${this.#tasks.join()}]}`
  }

  #task(job: Job): string {
    const tenant = numberOf(this.#tenants, job.tenantId)
    if ('source' in job) return `[${tenant},${this.#string(job.source)}]`
    const { title, content, html, locale, timezone, variables } = job
    const texts = `${this.#string(title)},${this.#string(content)},${html ? 1 : 0}`
    const place = `${this.#string(locale)},${this.#string(timezone)}`
    return `[${tenant},${texts},${place},${JSON.stringify(variables)}]`
  }

  #string(text: string | null): number | null {
    if (text === null) return null
    if (!this.#strings.has(text)) this.#size += text.length
    return numberOf(this.#strings, text)
  }
}

function numberOf(known: Map<string, number>, key: string): number {
  const number = known.get(key) ?? known.size
  if (number === known.size) known.set(key, number)
  return number
}
