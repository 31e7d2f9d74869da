import { complaintOf } from './complaints.js'
import { Engine, type EngineSettings, type Place } from './engine.js'
import {
  type Answer,
  type Complaint,
  type Done,
  type InspectTask,
  type Pace,
  type Part,
  type RenderTask,
  type Task,
  textNumber,
  type Work,
} from './work.js'

const MAX_TITLE = 255
/** A task that takes longer counts as slow. An ordinary one takes a hundredth of it. */
const SLOW_TASK_MS = 10

interface Share {
  ms: number
  tasks: number
}

/** Works off what the thread is handed, and tells before each text which one it is. */
export class TaskRunner {
  readonly #plain: Engine
  readonly #html: Engine
  readonly #settings: EngineSettings
  readonly #begin: (text: number) => void

  constructor(settings: EngineSettings, begin: (text: number) => void) {
    this.#plain = new Engine(settings, 'plain')
    this.#html = new Engine(settings, 'html')
    this.#settings = settings
    this.#begin = begin
  }

  run({ pace, strings, tasks }: Work): Done {
    const shares = new Map<number, Share>()
    let slowMs = 0
    const answers = tasks.map((task, n) => {
      const share = shares.get(task[0]) ?? { ms: 0, tasks: 0 }
      shares.set(task[0], share)
      if (isUsedUp(share, pace)) return null
      const began = performance.now()
      const answer = this.#answer(task, n, strings)
      const ms = performance.now() - began
      share.ms += ms
      share.tasks += 1
      if (ms > SLOW_TASK_MS) slowMs += ms
      if (pace.final || !('slow' in answer)) return answer
      share.ms = Number.POSITIVE_INFINITY
      return null
    })
    return { answers, slowMs }
  }

  #answer(task: Task, n: number, strings: readonly string[]): Answer {
    return task.length === 2 ? this.#inspect(task, n, strings) : this.#render(task, n, strings)
  }

  #inspect([, source]: InspectTask, n: number, strings: readonly string[]): Answer {
    this.#begin(textNumber(n, 'content'))
    const text = strings[source] ?? ''
    try {
      return { variables: this.#plain.variables(text) }
    } catch (error) {
      return complaintOf(error, text, 'content', this.#settings.timeoutMs)
    }
  }

  #render(task: RenderTask, n: number, strings: readonly string[]): Answer {
    const [, title, content, html, locale, timezone, variables] = task
    const text = (index: number | null): string | null => (index === null ? null : (strings[index] ?? null))
    const place = { locale: text(locale), timezone: text(timezone) }
    const fill = (part: Part, engine: Engine, maxLength: number, source: string | null) =>
      source === null ? null : this.#fill(n, part, engine, maxLength, source, variables, place)

    const filledTitle = fill('title', this.#plain, MAX_TITLE, text(title))
    if (isComplaint(filledTitle)) return filledTitle
    const engine = html === 1 ? this.#html : this.#plain
    const filledContent = fill('content', engine, this.#settings.maxOutput, text(content))
    return isComplaint(filledContent) ? filledContent : { title: filledTitle, content: filledContent }
  }

  #fill(
    n: number,
    part: Part,
    engine: Engine,
    maxLength: number,
    source: string,
    variables: RenderTask[6],
    place: Place,
  ): string | Complaint {
    this.#begin(textNumber(n, part))
    try {
      const output = engine.render(source, variables, place)
      const fault = faultOf(output, maxLength)
      return fault === null ? output : { part, code: 'validation_failed', message: fault }
    } catch (error) {
      return complaintOf(error, source, part, this.#settings.timeoutMs)
    }
  }
}

const isUsedUp = ({ ms, tasks }: Share, { budgetMs, slowMs }: Pace): boolean =>
  ms > budgetMs && ms > slowMs * tasks

const isComplaint = (value: string | null | Complaint): value is Complaint =>
  value !== null && typeof value === 'object'

function faultOf(output: string, maxLength: number): string | null {
  if (output.length > maxLength) return `must be at most ${maxLength} characters once rendered`
  // Filters such as url_decode make characters that the ledger cannot store.
  return output.includes('\u0000') || !output.isWellFormed()
    ? 'must not hold U+0000 or half of a surrogate pair once rendered'
    : null
}
